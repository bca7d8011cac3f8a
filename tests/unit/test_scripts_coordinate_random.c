/*
 * test_scripts_coordinate_random.c - thousands of random steps of a group: processes join, heartbeat,
 * release, leave, die, are taken for dead, are replaced under their own name, lie, and lose answers. After
 * each call the test checks what must hold, against what the processes believe and not only against Redis's
 * state.
 *
 * SEG_TEST_SEED=N repeats a run; each run prints its seed at the start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "test_scripts.h"
#include "test_scripts_keys.h"

enum {
	PARTITIONS_MAX = 48,
	NAMES = 7,
	PROCESSES = 24,
	SESSION_MS = 400,
	STEPS = 1500,
	RUNS = 6,
};

/* --- chance -------------------------------------------------------------------------- */

static uint64_t chance;

static unsigned below(unsigned n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned)((chance >> 11) % n);
}

static bool once_in(unsigned n)
{
	return below(n) == 0;
}

/* --- the state in Redis -------------------------------------------------------------------- */

typedef struct {
	unsigned long long epoch;
	char owner[16], target[16];
} entry;

typedef struct {
	unsigned long long generation;
	entry of[PARTITIONS_MAX];
	char listed[PARTITIONS_MAX][16]; /* the member whose list of owned partitions has this one */
} assignment;

typedef struct {
	char name[16], incarnation[16];
	int capacity;
} member;

static int partitions;
static assignment before, after;
static member members[NAMES];
static int member_count;

/* Reads the field @member, "generation p p ...", which belongs to the newest change of the member's share. */
static void read_list(assignment *into, const redisReply *fields, const char *name, const char *list)
{
	char *end, share[32];
	snprintf(share, sizeof(share), "@%s", name);
	unsigned long long stamp = strtoull(list, &end, 10), newest = 0;
	for (size_t i = 0; i < fields->elements; i += 2)
		if (strcmp(fields->element[i]->str, share) == 0)
			newest = strtoull(fields->element[i + 1]->str, NULL, 10);
	assert_true(stamp == newest);
	list = end;
	for (long p = strtol(list, &end, 10); end != list; p = strtol(list = end, &end, 10)) {
		assert_in_range(p, 0, PARTITIONS_MAX - 1);
		if (into->listed[p][0])
			fail_msg("partition %ld is in the lists of %s and %s", p, into->listed[p], name);
		snprintf(into->listed[p], sizeof(into->listed[p]), "%s", name);
	}
}

static void read_assignment(assignment *into)
{
	memset(into, 0, sizeof(*into));
	for (int p = 0; p < PARTITIONS_MAX; p++) {
		strcpy(into->of[p].owner, "-");
		strcpy(into->of[p].target, "-");
	}
	redisReply *reply = redisCommand(rig.redis, "HGETALL " PARTITIONS);
	for (size_t i = 0; i < reply->elements; i += 2) {
		const char *field = reply->element[i]->str, *value = reply->element[i + 1]->str;
		char *end;
		long p = strtol(field, &end, 10);
		if (strcmp(field, "generation") == 0)
			into->generation = strtoull(value, NULL, 10);
		else if (field[0] == '#')
			read_list(into, reply, field + 1, value);
		else if (*end == '\0' && p < PARTITIONS_MAX &&
			 sscanf(value, "%llu %15s %15s", &into->of[p].epoch, into->of[p].owner,
				into->of[p].target) != 3)
			fail_msg("partition %ld is '%s'", p, value);
	}
	freeReplyObject(reply);
}

static void read_members(void)
{
	redisReply *reply = redisCommand(rig.redis, "HGETALL " MEMBERS);
	member_count = 0;
	for (size_t i = 0; i < reply->elements; i += 2) {
		member *m = &members[member_count++];
		snprintf(m->name, sizeof(m->name), "%s", reply->element[i]->str);
		assert_int_equal(sscanf(reply->element[i + 1]->str, "%15s %d", m->incarnation, &m->capacity),
				 2);
	}
	freeReplyObject(reply);
}

static const member *find_member(const member *list, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

static int targeted(const assignment *a, const char *name)
{
	int n = 0;
	for (int p = 0; p < partitions; p++)
		n += strcmp(a->of[p].target, name) == 0;
	return n;
}

/* --- the processes, and what they believe ------------------------------------------------- */

typedef struct {
	bool alive;
	char name[16], incarnation[16];
	int capacity;
	unsigned long long generation;            /* the newest share it heard of; 0: none */
	unsigned long long epoch[PARTITIONS_MAX]; /* 0: does not own it */
	bool flagged[PARTITIONS_MAX];
	long long trusts_until; /* the end of its lease in Redis */
	bool is_member;
} process;

static process processes[PROCESSES];
static long long now_ms; /* according to the newest answer */
static int incarnations;

static void forget(process *one)
{
	memset(one->epoch, 0, sizeof(one->epoch));
	memset(one->flagged, 0, sizeof(one->flagged));
	one->generation = 0;
	one->is_member = false;
	one->trusts_until = 0;
}

static bool works_on(const process *one, int p)
{
	return one->alive && one->epoch[p] && one->trusts_until > now_ms;
}

/* --- invariants after each call -------------------------------------------------------- */

static void check_nobody_shares_a_partition(void)
{
	for (int p = 0; p < partitions; p++) {
		const process *found = NULL;
		for (int i = 0; i < PROCESSES; i++) {
			const process *one = &processes[i];
			if (!works_on(one, p))
				continue;
			if (found)
				fail_msg("%s/%s and %s/%s both work on partition %d", found->name,
					 found->incarnation, one->name, one->incarnation, p);
			found = one;
		}
	}
}

static void check_epochs_rise(void)
{
	for (int p = 0; p < partitions; p++) {
		const entry *old = &before.of[p], *new = &after.of[p];
		if (new->epoch < old->epoch)
			fail_msg("the epoch of partition %d fell from %llu to %llu", p, old->epoch,
				 new->epoch);
		if (strcmp(new->owner, "-") != 0 && strcmp(new->owner, old->owner) != 0 &&
		    new->epoch == old->epoch)
			fail_msg("partition %d went from %s to %s in one epoch", p, old->owner, new->owner);
	}
}

static void check_only_members_have_something(void)
{
	for (int p = 0; p < partitions; p++) {
		const entry *e = &after.of[p];
		const member *m = find_member(members, member_count, e->target);
		if (strcmp(e->owner, "-") != 0 && !find_member(members, member_count, e->owner))
			fail_msg("partition %d is owned by %s, who is no member", p, e->owner);
		if (strcmp(e->target, "-") != 0 && (!m || m->capacity == 0))
			fail_msg("partition %d is targeted at %s", p, e->target);
	}
}

static void check_lists_are_what_is_owned(void)
{
	for (int p = 0; p < partitions; p++) {
		const char *owner = strcmp(after.of[p].owner, "-") == 0 ? "" : after.of[p].owner;
		if (strcmp(after.listed[p], owner) != 0)
			fail_msg("partition %d of '%s' is in the list of '%s'", p, owner, after.listed[p]);
	}
}

/* What the scripts count and list beside the assignment, so that a change of few members need not read it. */
static void check_counts(void)
{
	static const char script[] =
		"local h, fields = {}, redis.call('HGETALL', KEYS[1]) "
		"for i = 1, #fields, 2 do h[fields[i]] = fields[i + 1] end "
		"if h.counted ~= h.generation then return '' end "
		"local targets, coming, held = {}, {}, {} "
		"for p = 0, ARGV[1] - 1 do "
		"	local owner, target, rest = string.match(h[tostring(p)] or '0 - -', '^%S+ (%S+) (%S+)(.*)') "
		"	targets[target] = (targets[target] or 0) + 1 "
		"	if owner ~= target then coming[target] = coming[target] or {} coming[target][tostring(p)] = true end "
		"	if rest ~= '' then held[tostring(p)] = true end "
		"end "
		"local function differs(list, set) "
		"	for p in string.gmatch(list or '', '%d+') do if not (set and set[p]) then return p end set[p] = nil end "
		"	return set and next(set) "
		"end "
		"targets['-'], coming['-'] = nil, nil "
		"for name, n in pairs(cmsgpack.unpack(h.targets)) do "
		"	if targets[name] ~= n then return name .. ' is counted wrongly' end targets[name] = nil "
		"end "
		"if next(targets) then return next(targets) .. ' is not counted' end "
		"for field, list in pairs(h) do "
		"	local name = string.match(field, '^>(.*)') "
		"	if name and differs(list, coming[name]) then return name .. ' has a wrong list' end "
		"	if name then coming[name] = nil end "
		"end "
		"if next(coming) then return next(coming) .. ' has no list' end "
		"return differs(h.held, held) and 'held' or ''";
	char count[16];
	snprintf(count, sizeof(count), "%d", partitions);
	redisReply *reply = redisCommand(rig.redis, "EVAL %s 1 " PARTITIONS " %s", script, count);
	assert_string_equal(reply->str, "");
	freeReplyObject(reply);
}

/*
 * Each member has the floor of its share or one more. Members with larger remainders get the one more first.
 */
static void check_balance(void)
{
	int total = 0, least_rounded_up = 1 << 30, most_rounded_down = -1, shared_out = 0;
	for (int i = 0; i < member_count; i++)
		total += members[i].capacity;
	for (int i = 0; i < member_count && total > 0; i++) {
		int whole = partitions * members[i].capacity / total,
		    rest = partitions * members[i].capacity % total;
		int has = targeted(&after, members[i].name);
		shared_out += has;
		if (has != whole && !(has == whole + 1 && rest > 0))
			fail_msg("%s is targeted with %d of %d partitions for a capacity of %d in %d",
				 members[i].name, has, partitions, members[i].capacity, total);
		if (has > whole && rest < least_rounded_up)
			least_rounded_up = rest;
		if (has == whole && rest > most_rounded_down)
			most_rounded_down = rest;
	}
	assert_int_equal(shared_out, total > 0 ? partitions : 0);
	assert_true(most_rounded_down <= least_rounded_up);
}

/*
 * The fewest partitions that the remaining members must lose: each loses what it has beyond its floor, or one
 * less if its share is rounded up. Remainders decide whose share that is; for equal remainders, the one that
 * saves a move.
 */
static int fewest_moves(void)
{
	int total = 0, left = partitions, moves = 0, spared = 0;
	for (int i = 0; i < member_count; i++)
		total += members[i].capacity;
	if (total == 0)
		return -1; /* all go */
	for (int i = 0; i < member_count; i++)
		left -= partitions * members[i].capacity / total;
	for (int i = 0; i < member_count; i++) {
		int whole = partitions * members[i].capacity / total,
		    rest = partitions * members[i].capacity % total;
		int holds = targeted(&before, members[i].name), ahead = 0, eager_ties_ahead = 0;
		moves += holds > whole ? holds - whole : 0;
		for (int j = 0; j < member_count; j++) {
			int other = partitions * members[j].capacity % total;
			int other_whole = partitions * members[j].capacity / total;
			ahead += other > rest;
			eager_ties_ahead +=
				other == rest && j < i && targeted(&before, members[j].name) > other_whole;
		}
		spared += holds > whole && rest > 0 && ahead + eager_ties_ahead < left;
	}
	return moves - spared;
}

static void check_moves_are_few(void)
{
	int moved = 0, fewest = fewest_moves();
	for (int p = 0; p < partitions; p++)
		moved += find_member(members, member_count, before.of[p].target) &&
			 strcmp(before.of[p].target, after.of[p].target) != 0;
	if (fewest >= 0 && moved != fewest)
		fail_msg("%d partitions moved that their targets could have kept all but %d of", moved,
			 fewest);
}

static void check_changes_are_told(unsigned long long entries_before)
{
	redisReply *reply = redisCommand(rig.redis, "XREVRANGE " CONTROL " + - COUNT 1");
	unsigned long long entries = (unsigned long long)command_number("XLEN " CONTROL), newest = 0;
	if (reply->elements == 1) {
		const redisReply *fields = reply->element[0]->element[1];
		assert_string_equal(fields->element[0]->str, "generation");
		newest = strtoull(fields->element[1]->str, NULL, 10);
	}
	freeReplyObject(reply);
	bool changed = memcmp(before.of, after.of, sizeof(before.of)) != 0;
	if (changed && after.generation <= before.generation)
		fail_msg("the assignment changed, and the generation did not rise: %llu", after.generation);
	if (after.generation != before.generation && entries <= 64 && entries_before < 64)
		assert_int_equal(entries, entries_before + 1);
	assert_int_equal(newest, after.generation);
	assert_true(entries <= 64);
}

/* Redis's state for the member equals what the process has heard. */
static void check_belief(const process *one, const char *how)
{
	for (int p = 0; p < partitions; p++) {
		const entry *e = &after.of[p];
		bool owns = strcmp(e->owner, one->name) == 0;
		bool leaves = owns && strcmp(e->target, one->name) != 0;
		if ((owns ? e->epoch : 0) != one->epoch[p] || leaves != one->flagged[p])
			fail_msg("%s/%s was %s and believes %llu%s of partition %d: %llu %s %s", one->name,
				 one->incarnation, how, one->epoch[p], one->flagged[p] ? " (to release)" : "",
				 p, e->epoch, e->owner, e->target);
	}
}

static void check_next_expiry(const char *name, long long told)
{
	redisReply *reply = redisCommand(rig.redis, "ZRANGE " LEASES " 0 -1 WITHSCORES");
	long long least = -1;
	for (size_t i = 0; i < reply->elements; i += 2) {
		long long end = atoll(reply->element[i + 1]->str);
		if (strcmp(reply->element[i]->str, name) != 0 && (least < 0 || end < least))
			least = end;
	}
	freeReplyObject(reply);
	bool holds = command_number("HGET " PARTITIONS " holds_end") > 0;
	long long expected = least < 0 ? -1 : least > now_ms ? least - now_ms : 0;
	if (holds ? told < 0 || (expected >= 0 && told > expected) : told != expected)
		fail_msg("%s shall look again in %lld ms, not in %lld", name, expected, told);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void hear(process *one, const redisReply *reply)
{
	const char *status = reply->element[0]->str;
	if (strcmp(status, "OK") != 0) {
		assert_true(strcmp(status, "UNKNOWN") == 0 || strcmp(status, "REPLACED") == 0);
		assert_int_equal(reply->element[4]->type, REDIS_REPLY_NIL);
		forget(one);
		return;
	}
	one->is_member = true;
	one->trusts_until = now_ms + SESSION_MS;
	check_next_expiry(one->name, atoll(reply->element[3]->str));
	const redisReply *share = reply->element[4];
	if (share->type == REDIS_REPLY_NIL) {
		assert_true(one->generation > 0);
		check_belief(one, "told nothing");
		return;
	}
	one->generation = strtoull(reply->element[2]->str, NULL, 10);
	assert_int_equal(one->generation, after.generation);
	memset(one->epoch, 0, sizeof(one->epoch));
	memset(one->flagged, 0, sizeof(one->flagged));
	assert_int_equal(share->elements % 3, 0);
	for (size_t i = 0; i < share->elements; i += 3) {
		int p = atoi(share->element[i]->str);
		one->epoch[p] = strtoull(share->element[i + 1]->str, NULL, 10);
		one->flagged[p] = strcmp(share->element[i + 2]->str, "1") == 0;
	}
	check_belief(one, "told all");
}

/* Releases are `p epoch` pairs as texts. A call whose answer is lost has taken effect all the same. */
static void call(process *one, const char *what, const char *const *releases, int count, bool lost)
{
	const char *words[20 + 4 * PARTITIONS_MAX];
	char capacity[16], partitions_text[16], known[32], session[16];
	snprintf(capacity, sizeof(capacity), "%d", one->capacity);
	snprintf(partitions_text, sizeof(partitions_text), "%d", partitions);
	snprintf(known, sizeof(known), "%llu", one->generation);
	snprintf(session, sizeof(session), "%d", SESSION_MS);
	const char *head[] =
		{MEMBERS,   LEASES,           PARTITIONS, CONTROL,  GROUPS,          INFO,  "g",        what,
		 one->name, one->incarnation, session,    capacity, partitions_text, known, SHAPE_WORDS};
	int n = sizeof(head) / sizeof(head[0]);
	memcpy(words, head, sizeof(head));
	if (count > 0)
		memcpy(words + n, releases, sizeof(*releases) * (size_t)count);

	before = after;
	if (once_in(20))
		command("HDEL " PARTITIONS " counted"); /* as scripts leave it that do not know of it */
	unsigned long long entries = (unsigned long long)command_number("XLEN " CONTROL);
	redisReply *reply = script_reply(SEG_SCRIPT_COORDINATE, 6, words, n + count);
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 5)
		fail_msg("%s of %s: %s", what, one->name, reply_text(reply));
	now_ms = atoll(reply->element[1]->str);
	read_assignment(&after);
	read_members();
	if (strcmp(what, "leave") == 0) {
		one->alive = false;
		forget(one);
	} else if (!lost) {
		hear(one, reply);
	}
	freeReplyObject(reply);

	check_nobody_shares_a_partition();
	check_epochs_rise();
	check_only_members_have_something();
	check_lists_are_what_is_owned();
	check_counts();
	check_balance();
	check_moves_are_few();
	check_changes_are_told(entries);
}

static void join(process *one, bool lost)
{
	call(one, "join", NULL, 0, lost);
}

/*
 * Stops work on some of the partitions to be released, and now and then on others; reports the releases; and
 * lies.
 */
static void heartbeat(process *one, bool lost, bool honest)
{
	static char texts[4 * PARTITIONS_MAX][32];
	const char *releases[4 * PARTITIONS_MAX];
	int n = 0;
	for (int p = 0; p < partitions; p++) {
		bool release =
			one->epoch[p] && (one->flagged[p] ? honest || once_in(2) : !honest && once_in(40));
		bool lie = !honest && !release && once_in(20);
		if (!release && !lie)
			continue;
		unsigned long long epoch = release ? one->epoch[p] : after.of[p].epoch;
		if (lie && (one->epoch[p] || once_in(2)))
			epoch -= 1 + below(3);
		if (lie && !one->epoch[p] && strcmp(after.of[p].owner, one->name) == 0)
			continue; /* not a lie, but the release of a partition of which it has not heard yet */
		snprintf(texts[n], sizeof(texts[n]), "%d", p);
		snprintf(texts[n + 1], sizeof(texts[n + 1]), "%llu", epoch);
		releases[n] = texts[n];
		releases[n + 1] = texts[n + 1];
		n += 2;
		if (release)
			one->epoch[p] = 0;
		if (release)
			one->flagged[p] = false;
	}
	call(one, "heartbeat", releases, n, lost);
}

static process *any(bool alive)
{
	for (int tries = 0; tries < 100; tries++) {
		process *one = &processes[below(PROCESSES)];
		if (one->alive == alive)
			return one;
	}
	return NULL;
}

/* Starts a new process, under a name that may be in use. */
static void start_process(void)
{
	process *one = any(false);
	if (!one)
		return;
	memset(one, 0, sizeof(*one));
	one->alive = true;
	one->capacity = (int)below(5) == 0 ? 0 : 1 + (int)below(3) / 2 * (int)below(3);
	snprintf(one->name, sizeof(one->name), "m%u", below(NAMES));
	snprintf(one->incarnation, sizeof(one->incarnation), "i%d", ++incarnations);
	/* The replaced process may have hardly any lease left, so that its partitions soon become free. */
	if (once_in(2) && *command("ZSCORE " LEASES " %s", one->name) != 'n') {
		long long end = now_ms + 1 + below(20);
		command("ZADD " LEASES " %lld %s", end, one->name);
		for (int i = 0; i < PROCESSES; i++)
			if (strcmp(processes[i].name, one->name) == 0 && processes[i].trusts_until > end)
				processes[i].trusts_until = end;
	}
	join(one, once_in(8));
}

static bool is_registered(const process *one)
{
	const member *m = find_member(members, member_count, one->name);
	return m && strcmp(m->incarnation, one->incarnation) == 0;
}

/* Whether the process was replaced, as far as it knows: an answer said so, or its call got no answer. */
static bool was_replaced(const process *one)
{
	return !one->is_member && find_member(members, member_count, one->name) && !is_registered(one);
}

/*
 * The process stops calling, and Redis will take it for dead. Either it is dead, or it learns of that when it
 * wakes up.
 */
static void lose_process(process *one)
{
	one->alive = once_in(2);
	if (once_in(4) || !is_registered(one))
		return; /* in its time */
	one->trusts_until = 0;
	command("ZADD " LEASES " 1 %s", one->name);
}

static void step(void)
{
	process *one = any(true);
	unsigned dice = below(100);
	if (!one || dice < 8)
		start_process();
	else if (dice < 11 || was_replaced(one))
		call(one, "leave", NULL, 0, false);
	else if (dice < 15)
		lose_process(one);
	else if (dice < 19)
		one->capacity = (int)below(4);
	else if (!one->is_member)
		join(one, once_in(8));
	else
		heartbeat(one, once_in(10), once_in(3));
}

/* --- the tests ------------------------------------------------------------------------------ */

static uint64_t seed_of_run(void)
{
	const char *wanted = getenv("SEG_TEST_SEED");
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return wanted ? strtoull(wanted, NULL, 10) : (uint64_t)t.tv_sec * 1000000007u ^ (uint64_t)t.tv_nsec;
}

static void begin(uint64_t seed)
{
	print_message("SEG_TEST_SEED=%llu\n", (unsigned long long)seed);
	chance = seed ? seed : 1;
	for (int i = 0; i < 8; i++)
		below(2);
	command("FLUSHALL");
	memset(processes, 0, sizeof(processes));
	read_assignment(&after);
	read_members();
	partitions = 1 + (int)below(PARTITIONS_MAX);
}

/* Every live process heartbeats and does as told, until there is nothing left to do. */
static bool is_quiet(void *arg)
{
	(void)arg;
	unsigned long long generation = after.generation;
	bool done = true;
	int alive = 0;
	for (int i = 0; i < PROCESSES; i++) {
		process *one = &processes[i];
		if (!one->alive)
			continue;
		if (was_replaced(one))
			call(one, "leave", NULL, 0, false);
		else if (one->is_member)
			heartbeat(one, false, true);
		else
			join(one, false);
		alive += one->alive;
		done = done && (!one->alive || is_registered(one));
		for (int p = 0; p < partitions; p++)
			done = done && !one->flagged[p];
	}
	return done && alive == member_count && generation == after.generation &&
	       command_number("HGET " PARTITIONS " holds_end") == 0;
}

static void a_group_in_turmoil_never_has_two_owners_and_comes_to_rest_balanced(void **state)
{
	(void)state;
	uint64_t seed = seed_of_run();
	for (int run = 0; run < RUNS; run++) {
		begin(seed + (uint64_t)run);
		for (int i = 0; i < STEPS; i++)
			step();
		/* Some process must remain to notice the dead ones. */
		start_process();
		test_wait_until(is_quiet, NULL, 10000, "the group comes to rest");
		int capacity = 0;
		for (int i = 0; i < member_count; i++)
			capacity += members[i].capacity;
		for (int p = 0; p < partitions; p++) {
			const entry *e = &after.of[p];
			assert_string_equal(e->owner, e->target);
			assert_int_equal(strcmp(e->owner, "-") == 0, capacity == 0);
		}
		for (int i = 0; i < PROCESSES; i++)
			if (processes[i].alive)
				check_belief(&processes[i], "at rest");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_group_in_turmoil_never_has_two_owners_and_comes_to_rest_balanced,
				       empty_redis),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
