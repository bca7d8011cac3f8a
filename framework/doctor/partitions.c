#include "doctor/partitions.h"

#include <string.h>

#include "base/names.h"
#include "stream/exchange.h"

enum { AT_ONCE = 256 /* partitions in one round */, NEARLY_FULL = 90 /* percent of the partition's size */ };

typedef struct reading reading;

/* A partition of the round. */
typedef struct {
	reading *r;
	bool exists, wrong_type;
	int64_t entries;
	int64_t waiting;       /* entries that the slowest group has not committed; -1: not known */
	int64_t records, base; /* of a packed stream */
	uint64_t has;          /* a bit for each of the groups */
} partition;

struct reading {
	seg_exchange exchange; /* first: issue gets its address */
	const seg_stream *stream;
	const char *const *groups;
	size_t group_count;
	uint32_t first, count; /* of the round */
	partition partitions[AT_ONCE];
};

/* --- answers --------------------------------------------------------------------------- */

static bool begins(const seg_reply *reply, const char *code)
{
	return reply && reply->type == SEG_REPLY_ERROR && strncmp(reply->text, code, strlen(code)) == 0;
}

static void got_length(void *arg, const seg_reply *reply)
{
	partition *p = arg;
	p->wrong_type = begins(reply, "WRONGTYPE");
	if (p->wrong_type)
		seg_exchange_counted(&p->r->exchange);
	else if (seg_exchange_answer(&p->r->exchange, reply))
		p->entries = seg_reply_number(reply, 0);
}

static const seg_reply *member_of(const seg_reply *list, const char *name)
{
	for (size_t i = 0; seg_reply_at(list, i + 1); i += 2)
		if (seg_reply_is(seg_reply_at(list, i), name))
			return seg_reply_at(list, i + 1);
	return NULL;
}

static void read_group(partition *p, const seg_reply *group)
{
	const reading *r = p->r;
	int64_t lag = seg_reply_number(member_of(group, "lag"), -1);
	for (size_t i = 0; i < r->group_count; i++)
		if (seg_reply_is(member_of(group, "name"), r->groups[i]))
			p->has |= (uint64_t)1 << i;
	if (lag < 0 || p->waiting < 0)
		p->waiting = -1;
	else if (lag > p->waiting)
		p->waiting = lag;
}

static void got_groups(void *arg, const seg_reply *reply)
{
	partition *p = arg;
	bool refused = begins(reply, "ERR no such key") || begins(reply, "WRONGTYPE");
	if (refused) {
		seg_exchange_counted(&p->r->exchange);
		return;
	}
	if (!seg_exchange_answer(&p->r->exchange, reply))
		return;
	p->exists = true;
	size_t count = reply->type == SEG_REPLY_ARRAY ? reply->count : 0;
	/* Without a group, nothing is committed. */
	p->waiting = count == 0 ? p->entries : 0;
	for (size_t i = 0; i < count; i++)
		read_group(p, reply->elements[i]);
}

static void got_counters(void *arg, const seg_reply *reply)
{
	partition *p = arg;
	/* seg_misfits_find names the key. */
	if (begins(reply, "WRONGTYPE")) {
		seg_exchange_counted(&p->r->exchange);
		return;
	}
	if (!seg_exchange_answer(&p->r->exchange, reply))
		return;
	p->records = seg_reply_number(seg_reply_at(reply, 0), 0);
	p->base = seg_reply_number(seg_reply_at(reply, 1), 0);
}

/* --- a round ----------------------------------------------------------------------------- */

static bool count_issued(reading *r, bool issued)
{
	r->exchange.waiting += issued;
	return issued;
}

static bool issue_partition(reading *r, seg_route *route, partition *p, uint32_t number)
{
	const char *name_space = r->stream->client->name_space;
	char log[SEG_KEY_MAX], counters[SEG_KEY_MAX];
	*p = (partition){.r = r};
	seg_key_log(log, name_space, r->stream->name, number);
	seg_key_beside_log(counters, name_space, r->stream->name, number, "counters", NULL);
	return count_issued(r, seg_route_words(route, got_length, p, "XLEN", log, (char *)NULL)) &&
	       count_issued(r, seg_route_words(route, got_groups, p, "XINFO", "GROUPS", log, (char *)NULL)) &&
	       count_issued(r, seg_route_words(route, got_counters, p, "HMGET", counters, "records", "base",
					       (char *)NULL));
}

static bool issue_round(seg_exchange *exchange, seg_route *route)
{
	reading *r = (reading *)exchange;
	for (uint32_t i = 0; i < r->count; i++)
		if (!issue_partition(r, route, &r->partitions[i], r->first + i))
			return false;
	return true;
}

/* --- summing up ---------------------------------------------------------------------------- */

static void note(seg_some_partitions *some, uint32_t number)
{
	if (some->count++ == 0)
		some->first = number;
}

static bool is_nearly_full(const partition *p, double messages, uint64_t size)
{
	if (p->waiting <= 0 || p->entries <= 0)
		return false;
	double waiting = messages * (double)p->waiting / (double)p->entries;
	return waiting * 100 >= (double)size * NEARLY_FULL;
}

static void sum_up(const reading *r, const partition *p, uint32_t number, seg_partition_sum *sum)
{
	int64_t messages = p->records > 0 && p->entries > 0 ? p->records - p->base : p->entries;
	if (p->wrong_type)
		note(&sum->wrong_type, number);
	if (!p->exists)
		return;
	sum->exist++;
	sum->messages += messages > 0 ? (uint64_t)messages : 0;
	if (is_nearly_full(p, (double)messages, r->stream->shape.partition_size))
		note(&sum->nearly_full, number);
	for (size_t i = 0; i < r->group_count; i++)
		if (!(p->has & (uint64_t)1 << i))
			note(&sum->without[i], number);
}

int seg_partition_sum_read(const seg_stream *stream, const char *const *groups, size_t count,
			   seg_partition_sum *sum, seg_error *error)
{
	reading r = {.exchange.issue = issue_round, .stream = stream, .groups = groups, .group_count = count};
	uint32_t partitions = stream->shape.partitions;
	*sum = (seg_partition_sum){0};
	for (; r.first < partitions; r.first += r.count) {
		r.count = partitions - r.first < AT_ONCE ? partitions - r.first : AT_ONCE;
		int status = seg_exchange_run(&r.exchange, stream->client, error);
		if (status)
			return status;
		for (uint32_t i = 0; i < r.count; i++)
			sum_up(&r, &r.partitions[i], r.first + i, sum);
	}
	return 0;
}
