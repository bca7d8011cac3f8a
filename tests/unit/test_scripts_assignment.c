/*
 * test_scripts_assignment.c - the script coordinate under thousands of random joins, leaves, crashes,
 * replacements and releases: what must hold after every call, what must hold once the group is quiet, and the
 * cost.
 *
 * The processes here behave as real ones must: they work on the partitions that Redis told them they own,
 * until they release them, their lease ends, or they hear that Redis does not know them. The tests end a
 * lease by setting it into the past.
 *
 * SEG_TEST_SEED=n runs another course of events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts.h"
#include "test_scripts_keys.h"

enum { NAMES = 10, PARTITIONS_MAX = 64, STEPS = 500 };

/* --- chance ----------------------------------------------------------------------------------------- */

static uint64_t seed;

static unsigned chance(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 11) % n);
}

/* --- processes -------------------------------------------------------------------------------------- */

typedef enum {
	ABSENT,
	WORKING,
	PAUSED, /* the process believes that its lease has ended */
} process_state;

typedef struct {
	process_state state;
	unsigned name;
	char incarnation[16];
	unsigned capacity;
	unsigned long long known;
	unsigned long long
		epoch[PARTITIONS_MAX]; /* the epoch under which it works on each partition; 0: it does not */
	bool revoked[PARTITIONS_MAX];
} process;

static unsigned partition_count;
static process *current[NAMES], *former[NAMES]; /* by name; the current process has replaced the former one */
static unsigned incarnations;

/* --- the state in Redis --------------------------------------------------------------------------- */

typedef struct {
	unsigned long long epoch;
	int owner, target; /* a name's number, or -1 */
	bool held;
	char held_by[24]; /* an incarnation */
} row;

static row rows[PARTITIONS_MAX];

/* The newest epoch of each partition, and the process that had it. */
static struct {
	unsigned long long epoch;
	char incarnation[16];
} newest[PARTITIONS_MAX];

static int name_number(const char *name)
{
	return strcmp(name, "-") == 0 ? -1 : atoi(name + 1);
}

static void read_rows(void)
{
	redisReply *reply = test_server_command(rig.redis, "HGETALL " PARTITIONS);
	for (unsigned p = 0; p < partition_count; p++)
		rows[p] = (row){.owner = -1, .target = -1};
	for (size_t i = 0; i < reply->elements; i += 2) {
		const char *field = reply->element[i]->str, *value = reply->element[i + 1]->str;
		char owner[16], target[16];
		if (field[0] < '0' || field[0] > '9')
			continue;
		row *r = &rows[atoi(field)];
		unsigned long long until;
		int words = sscanf(value, "%llu %15s %15s %llu %23s", &r->epoch, owner, target, &until,
				   r->held_by);
		assert_true(words == 3 || words == 5);
		r->owner = name_number(owner);
		r->target = name_number(target);
		r->held = words == 5;
		if (r->held)
			assert_int_equal(r->owner, -1);
	}
	freeReplyObject(reply);
}

/* A partition's epoch never falls, and never belongs to two processes. */
static void check_epoch(unsigned p, const process *owner)
{
	assert_true(rows[p].epoch >= newest[p].epoch);
	if (owner && rows[p].epoch == newest[p].epoch)
		assert_string_equal(owner->incarnation, newest[p].incarnation);
	if (owner)
		snprintf(newest[p].incarnation, sizeof(newest[p].incarnation), "%s", owner->incarnation);
	newest[p].epoch = rows[p].epoch;
}

static bool works_on(const process *who, unsigned p)
{
	return who && who->state == WORKING && who->epoch[p];
}

/* At most one process works on a partition; if the partition has an owner, only the owner does. */
static void check_ownership(void)
{
	read_rows();
	for (unsigned p = 0; p < partition_count; p++) {
		const process *owner = rows[p].owner >= 0 ? current[rows[p].owner] : NULL;
		assert_true(rows[p].owner < 0 || owner);
		check_epoch(p, owner);
		unsigned workers = 0, others = 0;
		for (unsigned n = 0; n < NAMES; n++) {
			workers += works_on(current[n], p) + works_on(former[n], p);
			others += (current[n] != owner && works_on(current[n], p)) + works_on(former[n], p);
		}
		assert_true(workers <= 1);
		assert_true(!owner || others == 0);
	}
}

/* After an answer, the process's belief equals Redis's state. */
static void check_belief(const process *who)
{
	for (unsigned p = 0; p < partition_count; p++) {
		bool owns = rows[p].owner == (int)who->name;
		assert_true(who->epoch[p] == (owns ? rows[p].epoch : 0));
		if (owns)
			assert_int_equal(who->revoked[p], rows[p].target != (int)who->name);
	}
}

/* --- calls ------------------------------------------------------------------------------------------ */

static void forget(process *who)
{
	memset(who->epoch, 0, sizeof(who->epoch));
	memset(who->revoked, 0, sizeof(who->revoked));
	who->known = 0;
}

static void take_share(process *who, const redisReply *reply)
{
	const redisReply *share = reply->element[4];
	if (share->type != REDIS_REPLY_ARRAY)
		return;
	forget(who);
	who->known = strtoull(reply->element[2]->str, NULL, 10);
	for (size_t i = 0; i < share->elements; i += 3) {
		unsigned p = (unsigned)atoi(share->element[i]->str);
		assert_true(p < partition_count);
		who->epoch[p] = strtoull(share->element[i + 1]->str, NULL, 10);
		who->revoked[p] = atoi(share->element[i + 2]->str) != 0;
	}
}

/*
 * Writes the releases of a call: each requested one with the given odds in percent; and, unless the odds are
 * 100, now and then a partition that was not requested. The process stops working there first.
 */
static int release(process *who, unsigned odds, const char **words, char (*texts)[2][24])
{
	int count = 0;
	for (unsigned p = 0; p < partition_count; p++) {
		if (!who->epoch[p] || chance(100) >= (who->revoked[p] ? odds : odds < 100))
			continue;
		snprintf(texts[p][0], sizeof(texts[p][0]), "%u", p);
		snprintf(texts[p][1], sizeof(texts[p][1]), "%llu", who->epoch[p]);
		words[count++] = texts[p][0];
		words[count++] = texts[p][1];
		who->epoch[p] = 0;
		who->revoked[p] = false;
	}
	return count;
}

/* One call; it contains releases if `odds` is not 0. */
static void call(process *who, const char *word, unsigned odds)
{
	char name[16], capacity[16], count_text[16], known[24];
	char texts[PARTITIONS_MAX][2][24];
	snprintf(name, sizeof(name), "m%u", who->name);
	snprintf(capacity, sizeof(capacity), "%u", who->capacity);
	snprintf(count_text, sizeof(count_text), "%u", partition_count);
	const char *words[19 + 2 * PARTITIONS_MAX] =
		{MEMBERS, LEASES,           PARTITIONS, CONTROL,  GROUPS,     INFO,  "g",        word,
		 name,    who->incarnation, "60000",    capacity, count_text, known, SHAPE_WORDS};
	int count = 19 + (odds ? release(who, odds, words + 19, texts) : 0);
	snprintf(known, sizeof(known), "%llu", who->known);
	redisReply *reply = script_reply(SEG_SCRIPT_COORDINATE, 6, words, count);
	assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
	const char *status = reply->element[0]->str;
	bool ok = strcmp(status, "OK") == 0, unknown = strcmp(status, "UNKNOWN") == 0,
	     left = strcmp(word, "leave") == 0;
	assert_true(who == former[who->name] ? !ok : ok || unknown);
	if (ok)
		take_share(who, reply);
	freeReplyObject(reply);
	if (unknown)
		forget(who);
	if (ok || left)
		who->state = left ? ABSENT : WORKING;
	check_ownership();
	if (ok)
		check_belief(who);
	/* A real former process would join again; here it does not. */
	if (unknown && !left && who != former[who->name])
		call(who, "join", 0);
}

static void remove_process(process **who)
{
	free(*who);
	*who = NULL;
}

/* --- events ----------------------------------------------------------------------------------------- */

static const unsigned capacities[] = {100, 100, 100, 50, 300, 7};
static bool equal_capacities;

static void start(unsigned n)
{
	process *fresh = calloc(1, sizeof(*fresh));
	assert_non_null(fresh);
	fresh->name = n;
	fresh->capacity = equal_capacities ? 100 : capacities[chance(6)];
	snprintf(fresh->incarnation, sizeof(fresh->incarnation), "i%u", ++incarnations);
	assert_null(former[n]);
	former[n] = current[n];
	current[n] = fresh;
	call(fresh, "join", 0);
}

static void stop(process **who)
{
	forget(*who);
	(*who)->state = ABSENT;
	call(*who, "leave", 0);
	remove_process(who);
}

/* Ends the lease of a current process. It may come back, or be gone for good. */
static void end_lease(unsigned n, bool for_good)
{
	if (!current[n])
		return;
	current[n]->state = PAUSED;
	command("ZADD " LEASES " XX 1 m%u", n);
	if (for_good)
		remove_process(&current[n]);
}

/* Ends the lease that a former process had when it was replaced. */
static void end_former_lease(unsigned n)
{
	if (!former[n])
		return;
	read_rows();
	for (unsigned p = 0; p < partition_count; p++) {
		if (!rows[p].held || strcmp(rows[p].held_by, former[n]->incarnation) != 0)
			continue;
		char value[96], target[16] = "-";
		if (rows[p].target >= 0)
			snprintf(target, sizeof(target), "m%d", rows[p].target);
		snprintf(value, sizeof(value), "%llu - %s 1 %s", rows[p].epoch, target, rows[p].held_by);
		command("HSET " PARTITIONS " %u %s", p, value);
	}
	command("HSET " PARTITIONS " holds_end 1");
	remove_process(&former[n]);
}

static void random_event(void)
{
	unsigned n = chance(NAMES), what = chance(100);
	if (what < 6 && !former[n])
		start(n);
	else if (what < 9 && current[n] && current[n]->state == WORKING)
		stop(&current[n]);
	else if (what < 12)
		end_lease(n, chance(2));
	else if (what < 14 && former[n])
		stop(&former[n]);
	else if (what < 16)
		end_former_lease(n);
	else if (what < 18 && former[n])
		call(former[n], "heartbeat", 60);
	else if (what < 20 && current[n] && !equal_capacities)
		current[n]->capacity = chance(4) ? capacities[chance(6)] : 0;
	else if (current[n])
		call(current[n], "heartbeat", chance(2) ? 70 : 0);
}

/* --- quiet ------------------------------------------------------------------------------------------ */

static unsigned long long generation(void)
{
	return (unsigned long long)command_number("HGET " PARTITIONS " generation");
}

static void everybody_heartbeats(void)
{
	for (unsigned n = 0; n < NAMES; n++)
		if (current[n])
			call(current[n], "heartbeat", 100);
}

/*
 * All processes do as told. After the first round Redis knows all changes, after the second all members do;
 * the third releases everything, and in the fourth the new owners hear of it.
 */
static void settle(void)
{
	for (unsigned n = 0; n < NAMES; n++)
		end_former_lease(n);
	for (int round = 1; round <= 4; round++)
		everybody_heartbeats();
	unsigned long long before = generation();
	everybody_heartbeats();
	assert_true(generation() == before);
}

static unsigned total_capacity(void)
{
	unsigned total = 0;
	for (unsigned n = 0; n < NAMES; n++)
		total += current[n] ? current[n]->capacity : 0;
	return total;
}

static void count_owned(unsigned owned[NAMES])
{
	memset(owned, 0, sizeof(unsigned) * NAMES);
	read_rows();
	for (unsigned p = 0; p < partition_count; p++)
		if (rows[p].owner >= 0)
			owned[rows[p].owner]++;
}

static bool nobody_is_there(void)
{
	for (unsigned n = 0; n < NAMES; n++)
		if (current[n])
			return false;
	return true;
}

/* Every partition is owned by its target, and each share differs from the exact one by less than one. */
static void check_quiet(void)
{
	unsigned owned[NAMES], total = total_capacity(), sum = 0;
	count_owned(owned);
	if (nobody_is_there())
		return; /* and no member has noticed yet that the last one died */
	for (unsigned n = 0; n < NAMES; n++) {
		unsigned exact = current[n] && total ? partition_count * current[n]->capacity : 0;
		if (total) {
			assert_true(owned[n] * total < exact + total);
			assert_true((owned[n] + 1) * total > exact);
		}
		sum += owned[n];
	}
	assert_int_equal(sum, total ? partition_count : 0);
	for (unsigned p = 0; p < partition_count; p++)
		assert_int_equal(rows[p].owner, rows[p].target);
}

/* The fewest partitions that must move from `owned` to a fair assignment. */
static unsigned fewest_moves(const unsigned owned[NAMES])
{
	unsigned total = total_capacity(), left = partition_count, moves = 0;
	unsigned quota[NAMES] = {0};
	bool rounded_up[NAMES] = {false};
	for (unsigned n = 0; n < NAMES && total; n++) {
		quota[n] = current[n] ? partition_count * current[n]->capacity / total : 0;
		left -= quota[n];
	}
	for (; total && left > 0; left--) {
		int best = -1;
		unsigned best_remainder = 0;
		for (unsigned n = 0; n < NAMES; n++) {
			unsigned remainder = current[n] ? partition_count * current[n]->capacity % total : 0;
			if (rounded_up[n] || !current[n] || !current[n]->capacity)
				continue;
			bool spares = best >= 0 && owned[n] > quota[n] && owned[best] <= quota[best];
			if (best < 0 || remainder > best_remainder ||
			    (remainder == best_remainder && spares)) {
				best = (int)n;
				best_remainder = remainder;
			}
		}
		assert_true(best >= 0);
		rounded_up[best] = true;
		quota[best]++;
	}
	for (unsigned n = 0; n < NAMES; n++)
		moves += quota[n] > owned[n] ? quota[n] - owned[n] : 0;
	return moves;
}

/* One event between two quiet states: no partition moved that could have stayed. */
static void check_one_change(void)
{
	int before[PARTITIONS_MAX];
	unsigned owned[NAMES], moved = 0;
	count_owned(owned);
	for (unsigned p = 0; p < partition_count; p++)
		before[p] = rows[p].owner;
	unsigned n = chance(NAMES);
	if (!current[n] || chance(4) == 0)
		start(n);
	else if (chance(2))
		stop(&current[n]);
	else
		end_lease(n, true);
	settle();
	check_quiet();
	if (nobody_is_there())
		return;
	for (unsigned p = 0; p < partition_count; p++)
		moved += rows[p].owner >= 0 && rows[p].owner != before[p];
	assert_int_equal(moved, fewest_moves(owned));
}

static void remove_all_processes(void)
{
	for (unsigned n = 0; n < NAMES; n++) {
		remove_process(&current[n]);
		remove_process(&former[n]);
	}
}

static void run_course(unsigned partitions, bool equal, uint64_t with_seed)
{
	empty_redis(NULL);
	remove_all_processes();
	memset(newest, 0, sizeof(newest));
	partition_count = partitions;
	equal_capacities = equal;
	seed = with_seed;
	for (int i = 0; i < 50; i++)
		chance(2);
	for (int step = 1; step <= STEPS; step++) {
		random_event();
		if (step % 50 != 0)
			continue;
		settle();
		check_quiet();
		for (int i = 0; i < 3; i++)
			check_one_change();
	}
	remove_all_processes();
}

static void run_courses(unsigned partitions, bool equal)
{
	const char *chosen = getenv("SEG_TEST_SEED");
	for (uint64_t s = 1; s <= 3; s++)
		run_course(partitions, equal, chosen ? strtoull(chosen, NULL, 10) : s * 0x9e3779b97f4a7c15u);
}

static void equal_members_share_evenly_whatever_happens(void **state)
{
	(void)state;
	run_courses(61, true);
}

static void members_of_any_capacity_share_by_it_whatever_happens(void **state)
{
	(void)state;
	run_courses(64, false);
}

static void more_members_than_partitions_get_on(void **state)
{
	(void)state;
	run_courses(3, true);
	run_courses(1, false);
}

/* --- the cost ---------------------------------------------------------------------------------- */

enum { MANY_MEMBERS = 64 };

static double script_microseconds(long long *calls)
{
	const char *line = strstr(command("INFO commandstats"), "cmdstat_evalsha:");
	double microseconds = 0;
	if (!line || sscanf(line, "cmdstat_evalsha:calls=%lld,usec=%lf", calls, &microseconds) != 2)
		fail_msg("no statistics of EVALSHA");
	command("CONFIG RESETSTAT");
	return microseconds;
}

static const char *coordinate(const char *word, int member, const char *known, const char *const *released,
			      int count)
{
	char name[16], incarnation[16];
	snprintf(name, sizeof(name), "m%d", member);
	snprintf(incarnation, sizeof(incarnation), "i%d", member);
	const char *words[19 + 2 * 1024] = {MEMBERS, LEASES, PARTITIONS, CONTROL, GROUPS,
					    INFO,    "g",    word,       name,    incarnation,
					    "60000", "100",  "1024",     known,   SHAPE_WORDS};
	memcpy(words + 19, released, sizeof(*released) * (size_t)count);
	return reply_text(script_reply(SEG_SCRIPT_COORDINATE, 6, words, 19 + count));
}

/* The partitions that a share, "[p epoch flag p epoch flag ...]", wants released, as words. */
static int to_release(const char *answer, const char **words)
{
	static char text[sizeof(said)];
	int count = 0;
	snprintf(text, sizeof(text), "%s", strchr(answer, '[') ? strchr(answer, '[') + 1 : "");
	char *p = strtok(text, " ]");
	while (p) {
		char *epoch = strtok(NULL, " ]"), *flag = strtok(NULL, " ]");
		if (*flag == '1') {
			words[count++] = p;
			words[count++] = epoch;
		}
		p = strtok(NULL, " ]");
	}
	return count;
}

/* The bounds are ten times the times measured on one machine, to allow for machines that do other work. */
static void with_1024_partitions_and_64_members_the_script_is_quick(void **state)
{
	(void)state;
	const char *none[1] = {NULL}, *released[2 * 1024];
	long long calls;
	empty_redis(NULL);
	coordinate("join", 0, "0", none, 0);
	script_microseconds(&calls);
	for (int m = 1; m < MANY_MEMBERS; m++)
		coordinate("join", m, "0", none, 0);
	double join = script_microseconds(&calls) / (double)calls;
	int count = to_release(coordinate("heartbeat", 0, "0", none, 0), released);
	assert_int_equal(count, 2 * (1024 - 16));
	script_microseconds(&calls);
	coordinate("heartbeat", 0, "0", released, count);
	double handover = script_microseconds(&calls);
	for (int i = 0; i < 1000; i++)
		coordinate("heartbeat", 1 + i % (MANY_MEMBERS - 1), "9000000000000000", none, 0);
	script_microseconds(&calls);
	char known[24];
	snprintf(known, sizeof(known), "%llu", generation());
	for (int i = 0; i < 6400; i++)
		coordinate("heartbeat", i % MANY_MEMBERS, known, none, 0);
	double heartbeat = script_microseconds(&calls) / (double)calls;
	coordinate("heartbeat", 1, "0", none, 0);
	double share = script_microseconds(&calls);
	coordinate("leave", 5, "0", none, 0);
	double rebalance = script_microseconds(&calls);
	print_message(
		"us of Redis: heartbeat %.1f, share told %.0f, join %.0f, 1,008 released %.0f, leave %.0f\n",
		heartbeat, share, join, handover, rebalance);
	assert_true(heartbeat < 1000);
	assert_true(share < 100000 && join < 100000 && handover < 100000 && rebalance < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_members_share_evenly_whatever_happens),
		cmocka_unit_test(members_of_any_capacity_share_by_it_whatever_happens),
		cmocka_unit_test(more_members_than_partitions_get_on),
		cmocka_unit_test(with_1024_partitions_and_64_members_the_script_is_quick),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
