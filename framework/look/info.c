/*
 * A group as Redis tells of it. Each transaction (MULTI ... EXEC) is one consistent reading: one of the
 * assignment, then one for each partition.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "stream/client.h"
#include "stream/exchange.h"

enum { PARTITIONS_AT_ONCE = 256 }; /* partitions asked for in one round */

typedef struct {
	seg_exchange exchange; /* first: the functions get its address */
	seg_stream *stream;
	const char *group;
	seg_group_info *info;
	bool found;

	/* Of the round about the partitions: */
	uint32_t first, count;
	uint32_t next; /* the partition whose answer comes next */
} description;

/* An answer without meaning of its own: OK to MULTI, QUEUED to what is in it. */
static void got_queued(void *arg, const seg_reply *reply)
{
	description *d = arg;
	(void)seg_exchange_answer(&d->exchange, reply);
}

static bool issue_words(description *d, seg_connection *connection, seg_reply_fn fn, int argc,
			const char *const *argv)
{
	bool issued = seg_connection_command(connection, fn, d, argc, argv, NULL);
	d->exchange.waiting += issued;
	return issued;
}

#define ISSUE(d, connection, fn, ...)                                                                       \
	issue_words(d, connection, fn, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)), \
		    (const char *[]){__VA_ARGS__})

/* --- the assignment ----------------------------------------------------------- */

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

static void read_partitions_hash(seg_group_info *info, const seg_reply *hash)
{
	for (size_t i = 0; hash && i + 1 < hash->count; i += 2) {
		const seg_reply *field = seg_reply_at(hash, i), *value = seg_reply_at(hash, i + 1);
		int64_t p = seg_reply_number(field, -1);
		if (seg_reply_is(field, "generation"))
			info->generation = (uint64_t)seg_reply_number(value, 0);
		else if (p >= 0 && p < info->partition_count && value->type == SEG_REPLY_TEXT)
			read_assignment(&info->partitions[p], value->text);
	}
}

/* Leases whose end, in Redis's own time, has not come: [member, end, ...] against [seconds, microseconds]. */
static uint32_t count_leases(const seg_reply *leases, const seg_reply *time)
{
	int64_t now_ms = seg_reply_number(seg_reply_at(time, 0), 0) * 1000 +
			 seg_reply_number(seg_reply_at(time, 1), 0) / 1000;
	uint32_t valid = 0;
	for (size_t i = 0; leases && i + 1 < leases->count; i += 2) {
		const seg_reply *end = seg_reply_at(leases, i + 1);
		valid += end->type == SEG_REPLY_TEXT && strtod(end->text, NULL) > (double)now_ms;
	}
	return valid;
}

static void got_assignment(void *arg, const seg_reply *reply)
{
	description *d = arg;
	if (!seg_exchange_answer(&d->exchange, reply))
		return;
	d->found = seg_reply_number(seg_reply_at(reply, 0), 0) == 1;
	d->info->members = count_leases(seg_reply_at(reply, 1), seg_reply_at(reply, 2));
	read_partitions_hash(d->info, seg_reply_at(reply, 3));
}

static bool issue_assignment(seg_exchange *exchange, seg_connection *connection)
{
	description *d = (description *)exchange;
	const char *name_space = d->stream->client->name_space, *name = d->stream->name;
	char groups[SEG_KEY_MAX], leases[SEG_KEY_MAX], partitions[SEG_KEY_MAX];
	seg_key_of_stream(groups, name_space, name, "groups", NULL);
	seg_key_of_stream(leases, name_space, name, d->group, "leases");
	seg_key_of_stream(partitions, name_space, name, d->group, "partitions");
	return ISSUE(d, connection, got_queued, "MULTI") &&
	       ISSUE(d, connection, got_queued, "SISMEMBER", groups, d->group) &&
	       ISSUE(d, connection, got_queued, "ZRANGE", leases, "0", "-1", "WITHSCORES") &&
	       ISSUE(d, connection, got_queued, "TIME") &&
	       ISSUE(d, connection, got_queued, "HGETALL", partitions) &&
	       ISSUE(d, connection, got_assignment, "EXEC");
}

/* --- the partitions ----------------------------------------------------------- */

/* The value behind a name in XINFO's flat list, or NULL. */
static const seg_reply *member_of(const seg_reply *list, const char *name)
{
	for (size_t i = 0; list && i + 1 < list->count; i += 2)
		if (seg_reply_is(list->elements[i], name))
			return list->elements[i + 1];
	return NULL;
}

static void read_id(const seg_reply *reply, seg_id *id)
{
	if (reply && reply->type == SEG_REPLY_TEXT)
		(void)seg_id_parse(reply->text, id);
}

static void read_group(seg_partition_info *partition, const seg_reply *groups, const char *name)
{
	for (size_t i = 0; groups && groups->type == SEG_REPLY_ARRAY && i < groups->count; i++) {
		const seg_reply *group = groups->elements[i];
		if (!seg_reply_is(member_of(group, "name"), name))
			continue;
		read_id(member_of(group, "last-delivered-id"), &partition->position);
		partition->lag = seg_reply_number(member_of(group, "lag"), -1);
		return;
	}
	/* Nobody has claimed the partition for the group yet. */
	partition->lag = partition->length == 0 ? 0 : -1;
}

/* Of a packed stream, Redis counts the entries, and the owners the records: as r<n>. */
static void read_records(seg_partition_info *partition, const seg_reply *added, const seg_reply *read)
{
	int64_t records = seg_reply_number(added, 0);
	bool counted = read && read->type == SEG_REPLY_TEXT && read->text[0] == 'r';
	partition->lag = counted ? records - strtoll(read->text + 1, NULL, 10) : -1;
	if (seg_id_compare(partition->position, partition->last) >= 0)
		partition->lag = 0;
}

static void got_partition(void *arg, const seg_reply *reply)
{
	description *d = arg;
	seg_partition_info *partition = &d->info->partitions[d->next++];
	if (!seg_exchange_answer(&d->exchange, reply))
		return;
	const seg_reply *stream = seg_reply_at(reply, 0);
	/* An error in place of a list: the log does not exist yet. */
	partition->length = (uint64_t)seg_reply_number(member_of(stream, "length"), 0);
	read_id(member_of(stream, "last-generated-id"), &partition->last);
	read_group(partition, seg_reply_at(reply, 1), d->group);
	partition->dead_letters = (uint64_t)seg_reply_number(seg_reply_at(reply, 2), 0);
	partition->dropped = (uint64_t)seg_reply_number(seg_reply_at(reply, 3), 0);
	partition->lost = (uint64_t)seg_reply_number(seg_reply_at(reply, 4), 0);
	if (d->stream->shape.packing)
		read_records(partition, seg_reply_at(reply, 5), seg_reply_at(reply, 6));
}

static bool issue_partition(description *d, seg_connection *connection, uint32_t p)
{
	const char *name_space = d->stream->client->name_space, *name = d->stream->name;
	char log[SEG_KEY_MAX], dead[SEG_KEY_MAX], counters[SEG_KEY_MAX], state[SEG_KEY_MAX];
	seg_key_log(log, name_space, name, p);
	seg_key_beside_log(dead, name_space, name, p, d->group, "dead");
	seg_key_beside_log(counters, name_space, name, p, "counters", NULL);
	seg_key_beside_log(state, name_space, name, p, d->group, "state");
	return ISSUE(d, connection, got_queued, "MULTI") &&
	       ISSUE(d, connection, got_queued, "XINFO", "STREAM", log) &&
	       ISSUE(d, connection, got_queued, "XINFO", "GROUPS", log) &&
	       ISSUE(d, connection, got_queued, "XLEN", dead) &&
	       ISSUE(d, connection, got_queued, "HGET", counters, "dropped") &&
	       ISSUE(d, connection, got_queued, "HGET", state, "lost") &&
	       ISSUE(d, connection, got_queued, "HGET", counters, "records") &&
	       ISSUE(d, connection, got_queued, "HGET", state, "count") &&
	       ISSUE(d, connection, got_partition, "EXEC");
}

static bool issue_partitions(seg_exchange *exchange, seg_connection *connection)
{
	description *d = (description *)exchange;
	d->next = d->first;
	for (uint32_t p = d->first; p < d->first + d->count; p++)
		if (!issue_partition(d, connection, p))
			return false;
	return true;
}

/* --- the call ----------------------------------------------------------------- */

static seg_group_info *make_info(const seg_stream *stream)
{
	seg_group_info *info = calloc(1, sizeof(*info));
	if (!info)
		return NULL;
	info->partition_count = stream->shape.partitions;
	info->partitions = calloc(info->partition_count, sizeof(*info->partitions));
	if (!info->partitions) {
		free(info);
		return NULL;
	}
	for (uint32_t p = 0; p < info->partition_count; p++)
		info->partitions[p] = (seg_partition_info){.partition = p, .lag = -1};
	return info;
}

static int describe(description *d, seg_error *error)
{
	seg_client *client = d->stream->client;
	d->exchange.issue = issue_assignment;
	int status = seg_exchange_run(&d->exchange, client, error);
	if (status == 0 && !d->found)
		return seg_fail(error, SEG_ENOTFOUND,
				"there is no such group; it is made when its first member joins");
	d->exchange.issue = issue_partitions;
	for (d->first = 0; status == 0 && d->first < d->info->partition_count; d->first += d->count) {
		uint32_t left = d->info->partition_count - d->first;
		d->count = left < PARTITIONS_AT_ONCE ? left : PARTITIONS_AT_ONCE;
		status = seg_exchange_run(&d->exchange, client, error);
	}
	return status;
}

int seg_group_describe(seg_stream *stream, const char *group, seg_group_info **info, seg_error *error)
{
	if (!stream || !info)
		return seg_fail(error, SEG_EINVAL, "no %s was given",
				stream ? "place for the description" : "stream");
	*info = NULL;
	int status = seg_name_check("group", group, error);
	if (status)
		return status;
	description d = {.stream = stream, .group = group, .info = make_info(stream)};
	if (!d.info)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a description of group \"%s\"", group);
	seg_error reason;
	status = describe(&d, &reason);
	if (status) {
		seg_group_info_free(d.info);
		return seg_fail(error, status, "cannot describe group \"%s\" of stream \"%s\": %s", group,
				stream->name, reason.text);
	}
	*info = d.info;
	return 0;
}

void seg_group_info_free(seg_group_info *info)
{
	if (!info)
		return;
	free(info->partitions);
	free(info);
}
