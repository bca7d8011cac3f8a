#include "look/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "stream/client.h"
#include "stream/misfit.h"

enum { PARTITIONS_AT_ONCE = 256 }; /* in one round */

#define FAR_MS ((int64_t)366 * 86400 * 1000) /* no retry is farther away, and no call hangs longer */

/* So often a partition is asked for again whose node does not answer. */
enum { LOST_MOST = 3 };

struct reading;

/* One partition of a round. The nodes of a cluster answer in any order. */
typedef struct {
	struct reading *reading;
	seg_partition_snapshot *partition;
	unsigned lost; /* answers */
} question;

typedef struct reading {
	seg_exchange exchange; /* first: issue gets its address */
	const seg_stream *stream;
	const char *group;
	seg_group_snapshot *snapshot;
	bool found;
	bool no_memory;

	/* Of the round that runs: */
	uint32_t first, end; /* its partitions */
	double now_ms;       /* Redis's clock */
	question questions[PARTITIONS_AT_ONCE];
} reading;

static bool ask(reading *r, seg_connection *connection, seg_reply_fn fn, void *arg, int argc,
		const char *const *argv)
{
	bool issued = connection && seg_connection_command(connection, fn, arg, argc, argv, NULL);
	r->exchange.waiting += issued;
	return issued;
}

#define ISSUE(r, connection, fn, ...)                                                                  \
	ask(r, connection, fn, r, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)), \
	    (const char *[]){__VA_ARGS__})

static seg_id id_of(const seg_reply *reply)
{
	seg_id id = {0, 0};
	if (reply && reply->type == SEG_REPLY_TEXT)
		(void)seg_id_parse(reply->text, &id);
	return id;
}

/* --- the first round: assignment and members ----------------------------------- */

/* "<epoch> <owner> <target>", "-" for none. */
static void read_assignment(seg_partition_info *partition, const char *text)
{
	char owner[SEG_NAME_MAX + 1], target[SEG_NAME_MAX + 1];
	uint64_t epoch;
	if (sscanf(text, "%" SCNu64 " %128s %128s", &epoch, owner, target) != 3)
		return;
	partition->epoch = epoch;
	if (strcmp(owner, "-") != 0)
		snprintf(partition->owner, sizeof(partition->owner), "%s", owner);
	if (strcmp(target, "-") != 0)
		snprintf(partition->target, sizeof(partition->target), "%s", target);
}

static void read_partitions_hash(seg_group_snapshot *snapshot, const seg_reply *hash, double now_ms)
{
	for (size_t i = 0; seg_reply_at(hash, i + 1); i += 2) {
		const seg_reply *field = seg_reply_at(hash, i), *value = seg_reply_at(hash, i + 1);
		int64_t p = seg_reply_number(field, -1);
		if (seg_reply_is(field, "generation"))
			snapshot->generation = (uint64_t)seg_reply_number(value, 0);
		else if (seg_reply_is(field, "clock") && (double)seg_reply_number(value, 0) > now_ms)
			snapshot->set_back = ((double)seg_reply_number(value, 0) - now_ms) / 1000;
		else if (p >= 0 && p < snapshot->partition_count && value->type == SEG_REPLY_TEXT)
			read_assignment(&snapshot->partitions[p].info, value->text);
	}
}

static void got_assignment(void *arg, const seg_reply *reply)
{
	reading *r = arg;
	if (!seg_exchange_answer(&r->exchange, reply))
		return;
	r->found = seg_reply_number(seg_reply_at(reply, 1), 0) == 1;
	r->no_memory = !seg_roster_parse(&r->snapshot->roster, seg_reply_at(reply, 2), seg_reply_at(reply, 3),
					 seg_reply_at(reply, 4));
	read_partitions_hash(r->snapshot, seg_reply_at(reply, 5), seg_roster_time_ms(seg_reply_at(reply, 4)));
}

static bool issue_assignment(seg_exchange *exchange, seg_route *route)
{
	reading *r = (reading *)exchange;
	const char *name_space = r->stream->client->name_space, *name = r->stream->name;
	char groups[SEG_KEY_MAX], members[SEG_KEY_MAX], leases[SEG_KEY_MAX], partitions[SEG_KEY_MAX];
	seg_key_of_stream(groups, name_space, name, "groups", NULL);
	seg_key_of_stream(members, name_space, name, r->group, "members");
	seg_key_of_stream(leases, name_space, name, r->group, "leases");
	seg_key_of_stream(partitions, name_space, name, r->group, "partitions");
	const char *argv[] = {groups, members, leases, partitions, r->group};
	bool issued = seg_route_script(route, SEG_SCRIPT_LOOK_GROUP, got_assignment, r, 4, 5, argv, NULL);
	r->exchange.waiting += issued;
	return issued;
}

/* --- a round about partitions ---------------------------------------------------- */

/* position and lag: nil where Redis has no such group. */
static void read_group(seg_partition_info *partition, const seg_reply *position, const seg_reply *lag)
{
	partition->position = id_of(position);
	if (position && position->type == SEG_REPLY_TEXT)
		partition->lag = seg_reply_number(lag, -1);
	else /* No member has claimed the partition for the group yet. */
		partition->lag = partition->length == 0 ? 0 : -1;
}

static bool counts_records(const seg_reply *count)
{
	return count && count->type == SEG_REPLY_TEXT && count->text[0] == 'r';
}

/* The count of a commit: entries, or, of a packed stream, r<records>. */
static int64_t count_of(const seg_reply *count)
{
	return counts_records(count) ? strtoll(count->text + 1, NULL, 10) : seg_reply_number(count, -1);
}

/* What another program wrote into Redis may be any number. */
static int64_t difference(int64_t a, int64_t b)
{
	int64_t result;
	return __builtin_sub_overflow(a, b, &result) ? -1 : result;
}

/* In a packed stream, Redis's own lag counts entries; records ever added and committed make the lag in messages. */
static void read_packed_lag(seg_partition_info *partition, const seg_reply *added, const seg_reply *committed)
{
	partition->lag =
		counts_records(committed) ? difference(seg_reply_number(added, 0), count_of(committed)) : -1;
	if (seg_id_compare(partition->position, partition->last) >= 0)
		partition->lag = 0;
}

/* count owner claimed clean crashes suspect attempts lost letters_dropped, how many are done beyond the position, and of lanes: busy, slots that wait */
static void read_state(seg_partition_snapshot *partition, const seg_reply *state)
{
	const seg_reply *owner = seg_reply_at(state, 1);
	partition->handled = count_of(seg_reply_at(state, 0));
	if (owner && owner->type == SEG_REPLY_TEXT)
		snprintf(partition->claimed_by, sizeof(partition->claimed_by), "%s", owner->text);
	partition->claimed = id_of(seg_reply_at(state, 2));
	partition->crashed = seg_reply_is(seg_reply_at(state, 3), "0");
	partition->crashes = (uint32_t)seg_reply_number(seg_reply_at(state, 4), 0);
	partition->suspect = id_of(seg_reply_at(state, 5));
	partition->attempts = (uint32_t)seg_reply_number(seg_reply_at(state, 6), 0);
	partition->info.lost = (uint64_t)seg_reply_number(seg_reply_at(state, 7), 0);
	partition->letters_dropped = (uint64_t)seg_reply_number(seg_reply_at(state, 8), 0);
	partition->beyond = (uint64_t)seg_reply_number(seg_reply_at(state, 9), 0);
	partition->lanes_busy = (uint32_t)seg_reply_number(seg_reply_at(state, 10), 0);
	partition->slots_waiting = (uint32_t)seg_reply_number(seg_reply_at(state, 11), 0);
}

/* Crashes and a suspect are of a place in the log. The fields stay until a release, also when the owner has passed the place. */
static void forget_what_is_passed(seg_partition_snapshot *partition)
{
	const seg_id position = partition->info.position;
	if (partition->crashes > 0 && seg_id_compare(position, partition->claimed) > 0)
		partition->crashes = 0;
	if (partition->attempts > 0 && seg_id_compare(position, partition->suspect) >= 0) {
		partition->attempts = 0;
		partition->suspect = (seg_id){0, 0};
	}
}

/* kind id number ms text; nil if nothing hinders the owner. */
static void read_hindrance(seg_hindrance *hindrance, const seg_reply *note)
{
	const seg_reply *kind = seg_reply_at(note, 0), *text = seg_reply_at(note, 4);
	for (int i = SEG_HINDRANCE_RETRY; seg_hindrance_names[i]; i++)
		if (seg_reply_is(kind, seg_hindrance_names[i]))
			hindrance->kind = (seg_hindrance_kind)i;
	hindrance->id = id_of(seg_reply_at(note, 1));
	hindrance->number = (uint64_t)seg_reply_number(seg_reply_at(note, 2), 0);
	int64_t in_ms = seg_reply_number(seg_reply_at(note, 3), 0);
	in_ms = in_ms > FAR_MS ? FAR_MS : in_ms < -FAR_MS ? -FAR_MS : in_ms;
	hindrance->at = seg_now() + in_ms * SEG_MS;
	if (text && text->type == SEG_REPLY_TEXT)
		seg_hindrance_set_text(hindrance, text->text);
}

/* Where a node of a cluster cannot be reached, the partitions of the others are still worth reading. */
static bool took_answer(question *q, const seg_reply *reply)
{
	if (reply || !q->partition->node[0] || ++q->lost < LOST_MOST)
		return seg_exchange_answer(&q->reading->exchange, reply);
	seg_exchange_counted(&q->reading->exchange);
	q->partition->unreachable = true;
	q->partition->info.lag = -1;
	return false;
}

static void got_partition(void *arg, const seg_reply *reply)
{
	question *q = arg;
	reading *r = q->reading;
	seg_partition_snapshot *partition = q->partition;
	seg_partition_info *info = &partition->info;
	if (!took_answer(q, reply))
		return;
	const seg_reply *counters = seg_reply_at(reply, 7), *state = seg_reply_at(reply, 8);
	info->length = (uint64_t)seg_reply_number(seg_reply_at(reply, 1), 0);
	info->last = id_of(seg_reply_at(reply, 2));
	read_group(info, seg_reply_at(reply, 3), seg_reply_at(reply, 4));
	info->dead_letters = (uint64_t)seg_reply_number(seg_reply_at(reply, 5), 0);
	info->dropped = (uint64_t)seg_reply_number(seg_reply_at(counters, 0), 0);
	read_state(partition, state);
	forget_what_is_passed(partition);
	read_hindrance(&partition->hindrance, seg_reply_at(reply, 9));
	partition->values = (uint64_t)seg_reply_number(seg_reply_at(reply, 6), 0);
	if (r->stream->shape.packing)
		read_packed_lag(info, seg_reply_at(counters, 1), seg_reply_at(state, 0));
}

static bool issue_partition(reading *r, seg_route *route, uint32_t p)
{
	const char *name_space = r->stream->client->name_space, *name = r->stream->name;
	char log[SEG_KEY_MAX], dead[SEG_KEY_MAX], counters[SEG_KEY_MAX], state[SEG_KEY_MAX],
		values[SEG_KEY_MAX];
	seg_key_log(log, name_space, name, p);
	seg_key_beside_log(dead, name_space, name, p, r->group, "dead");
	seg_key_beside_log(counters, name_space, name, p, "counters", NULL);
	seg_key_beside_log(state, name_space, name, p, r->group, "state");
	seg_key_beside_log(values, name_space, name, p, r->group, "values");
	question *q = &r->questions[p - r->first];
	const char *argv[] = {log, dead, counters, state, values, r->group};
	if (q->partition->unreachable)
		return true;
	if (seg_route_is_cluster(route))
		snprintf(q->partition->node, sizeof(q->partition->node), "%s",
			 seg_route_where(route, seg_route_node(route, seg_slot_of(log))));
	bool issued = seg_route_script(route, SEG_SCRIPT_LOOK_PARTITION, got_partition, q, 5, 6, argv, NULL);
	r->exchange.waiting += issued;
	return issued;
}

static bool issue_partitions(seg_exchange *exchange, seg_route *route)
{
	reading *r = (reading *)exchange;
	for (uint32_t p = r->first; p < r->end; p++)
		if (!issue_partition(r, route, p))
			return false;
	return true;
}

/* --- a round about the oldest messages --------------------------------------------- */

/* By so many seconds may an id be ahead of Redis's clock and still tell the age of its message. */
#define AHEAD_MAX 1.0

/* From p on, the first partition of the round in which a message may wait; the round's end if there is none. */
static uint32_t next_behind(const reading *r, uint32_t p)
{
	for (; p < r->end; p++) {
		const seg_partition_info *info = &r->snapshot->partitions[p].info;
		if (!r->snapshot->partitions[p].unreachable && seg_id_compare(info->position, info->last) < 0)
			break;
	}
	return p;
}

static void got_time(void *arg, const seg_reply *reply)
{
	reading *r = arg;
	if (seg_exchange_answer(&r->exchange, reply))
		r->now_ms = seg_roster_time_ms(reply);
}

/* OK, the number of steps, the id. */
static void got_oldest(void *arg, const seg_reply *reply)
{
	question *q = arg;
	if (!took_answer(q, reply))
		return;
	q->partition->waiting = seg_reply_number(seg_reply_at(reply, 1), 0) > 0;
	if (q->partition->waiting)
		q->partition->oldest = id_of(seg_reply_at(reply, 2));
}

static bool issue_oldest(seg_exchange *exchange, seg_route *route)
{
	reading *r = (reading *)exchange;
	char log[SEG_KEY_MAX], position[SEG_ID_TEXT_MAX];
	if (!ISSUE(r, seg_route_connection(route, NULL), got_time, "TIME"))
		return false;
	for (uint32_t p = next_behind(r, r->first); p < r->end; p = next_behind(r, p + 1)) {
		seg_key_log(log, r->stream->client->name_space, r->stream->name, p);
		seg_id_format(r->snapshot->partitions[p].info.position, position);
		const char *argv[] = {log, position, "+", "1"};
		if (!seg_route_script(route, SEG_SCRIPT_WALK, got_oldest, &r->questions[p - r->first], 1, 4,
				      argv, NULL))
			return false;
		r->exchange.waiting++;
	}
	return true;
}

/* --- the reading --------------------------------------------------------------- */

static int run(reading *r, bool (*issue)(seg_exchange *, seg_route *), seg_error *error)
{
	r->exchange.issue = issue;
	r->exchange.partial = issue != issue_assignment;
	return seg_exchange_run(&r->exchange, r->stream->client, error);
}

static int read_oldest(reading *r, seg_error *error)
{
	int status = next_behind(r, r->first) < r->end ? run(r, issue_oldest, error) : 0;
	for (uint32_t p = r->first; status == 0 && p < r->end; p++) {
		seg_partition_snapshot *partition = &r->snapshot->partitions[p];
		double behind = (r->now_ms - (double)partition->oldest.ms) / 1000;
		if (partition->waiting) {
			partition->ahead = behind < -AHEAD_MAX ? -behind : 0;
			partition->behind = partition->ahead > 0 ? -1 : behind > 0 ? behind : 0;
		} else if (!partition->unreachable)
			partition->info.lag = 0;
	}
	return status;
}

static int read_all(reading *r, bool oldest, seg_error *error)
{
	const uint32_t count = r->snapshot->partition_count;
	int status = run(r, issue_assignment, error);
	if (status == 0 && r->no_memory)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	if (status == 0 && !r->found)
		return seg_fail(error, SEG_ENOTFOUND,
				"there is no such group; it is made when its first member joins");
	for (r->first = 0; status == 0 && r->first < count; r->first = r->end) {
		r->end = count - r->first < PARTITIONS_AT_ONCE ? count : r->first + PARTITIONS_AT_ONCE;
		for (uint32_t p = r->first; p < r->end; p++)
			r->questions[p - r->first] = (question){r, &r->snapshot->partitions[p], 0};
		status = run(r, issue_partitions, error);
		if (status == 0 && oldest)
			status = read_oldest(r, error);
	}
	return status;
}

static bool make_partitions(seg_group_snapshot *snapshot, uint32_t count)
{
	snapshot->partitions = calloc(count, sizeof(*snapshot->partitions));
	if (!snapshot->partitions)
		return false;
	snapshot->partition_count = count;
	for (uint32_t p = 0; p < count; p++)
		snapshot->partitions[p] = (seg_partition_snapshot){.info = {.partition = p, .lag = -1},
								   .handled = -1,
								   .rate = -1,
								   .added = -1,
								   .catch_up = -1};
	return true;
}

int seg_group_snapshot_take(const seg_stream *stream, const char *group, const seg_look *look,
			    seg_group_snapshot *snapshot, seg_error *error)
{
	reading r = {.exchange.deadline = look->deadline,
		     .exchange.partial = true,
		     .stream = stream,
		     .group = group,
		     .snapshot = snapshot};
	*snapshot = (seg_group_snapshot){.taken = seg_now()};
	int status = seg_name_check("group", group, error);
	if (status)
		return status;
	if (!make_partitions(snapshot, stream->shape.partitions))
		return seg_fail(error, SEG_ENOMEM, "out of memory for a description of group \"%s\"", group);
	seg_error reason;
	status = read_all(&r, look->oldest, &reason);
	if (status == 0)
		return 0;
	seg_group_snapshot_free(snapshot);
	seg_misfit_explain(stream, group, &reason);
	return seg_fail(error, reason.status, "cannot describe group \"%s\" of stream \"%s\": %s", group,
			stream->name, reason.text);
}

void seg_group_snapshot_free(seg_group_snapshot *snapshot)
{
	seg_roster_free(&snapshot->roster);
	free(snapshot->partitions);
	*snapshot = (seg_group_snapshot){0};
}

bool seg_group_snapshot_owned(const seg_group_snapshot *snapshot, uint32_t p)
{
	const seg_roster_member *owner =
		seg_roster_find(&snapshot->roster, snapshot->partitions[p].info.owner);
	return owner && owner->lease_left > 0;
}

/* --- rates ------------------------------------------------------------------------ */

/* Seconds until a lag that was `before` is gone. */
static double catch_up(int64_t before, int64_t now, double seconds)
{
	if (now == 0)
		return 0;
	if (before < 0 || now < 0 || now >= before)
		return -1;
	return (double)now / ((double)(before - now) / seconds);
}

/* Per second; -1: one of the counts is not known, or it has fallen. */
static double rate_of(int64_t before, int64_t now, double seconds)
{
	return before >= 0 && now >= before ? (double)(now - before) / seconds : -1;
}

/*
 * What was done meanwhile: with lanes, also beyond a position that a failing message holds up. What is done beyond it is counted
 * anew after a takeover from an owner that died, and may be less; then only the position tells.
 */
static double done(const seg_partition_snapshot *before, const seg_partition_snapshot *now, double seconds)
{
	double committed = rate_of(before->handled, now->handled, seconds);
	int64_t was, is;
	if (committed < 0 || __builtin_add_overflow(before->handled, (int64_t)before->beyond, &was) ||
	    __builtin_add_overflow(now->handled, (int64_t)now->beyond, &is))
		return committed;
	double all = rate_of(was, is, seconds);
	return all < 0 ? committed : all;
}

/* What was committed meanwhile, and what waits more. Messages that were lost wait no more: then it is less than nothing. */
static double added(const seg_partition_snapshot *before, const seg_partition_snapshot *now, double seconds)
{
	double committed = rate_of(before->handled, now->handled, seconds);
	if (committed < 0 || before->info.lag < 0 || now->info.lag < 0)
		return -1;
	double rate = committed + (double)(now->info.lag - before->info.lag) / seconds;
	return rate > 0 ? rate : 0;
}

/* An operator set the position meanwhile (reset.lua): messages that it passed were not handled. */
static bool was_reset(const seg_partition_snapshot *was, const seg_partition_snapshot *is)
{
	if (is->handled == was->handled || seg_id_compare(is->info.position, was->info.position) == 0)
		return false;
	if (!is->claimed_by[0])
		return seg_id_compare(is->claimed, is->info.position) == 0;
	/* Its owner has claimed it again since. */
	return strcmp(is->claimed_by, was->claimed_by) == 0 && seg_id_compare(is->claimed, was->claimed) != 0;
}

void seg_group_snapshot_compare(const seg_group_snapshot *before, seg_group_snapshot *now)
{
	double seconds = (double)(now->taken - before->taken) / SEG_SECOND;
	for (uint32_t p = 0; p < now->partition_count && p < before->partition_count && seconds > 0; p++) {
		const seg_partition_snapshot *was = &before->partitions[p];
		seg_partition_snapshot *is = &now->partitions[p];
		if (was_reset(was, is))
			continue;
		is->rate = done(was, is, seconds);
		is->added = added(was, is, seconds);
		is->catch_up = catch_up(was->info.lag, is->info.lag, seconds);
	}
}
