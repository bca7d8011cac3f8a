#include "chaos/ending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { DRAIN_MS = 60000, END_MS = 15000, PAGE = 1000 };

/* What a run's groups read. Only a pipeline has the second one. */
typedef struct {
	const char *stream, *group;
	uint32_t partitions;
} reading;

enum { READINGS = 2 };

static const reading readings[READINGS] = {
	{"chaos", "workers", CHAOS_PARTITIONS},
	{CHAOS_OUTPUT, "readers", CHAOS_OUTPUT_PARTITIONS},
};

static int readings_of(const chaos_world *world)
{
	return world->output ? READINGS : 1;
}

static chaos_history *history_of(chaos_world *world, int i)
{
	return i == 0 ? world->history : world->output;
}

/* The text after the newest `field` in an XINFO reply, or "". */
static const char *text_in(const redisReply *fields, const char *field)
{
	for (size_t i = 0; fields && fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2)
		if (fields->element[i]->str && strcmp(fields->element[i]->str, field) == 0 &&
		    fields->element[i + 1]->str)
			return fields->element[i + 1]->str;
	return "";
}

/* Whether the group has read the partition's log to its end; and how far it has read: position is empty if that is not known. */
static bool is_drained(chaos_servers *servers, const reading *r, uint32_t partition,
		       char position[SEG_ID_TEXT_MAX])
{
	redisReply *stream = chaos_servers_command(servers, "XINFO STREAM __default:%s:partition_%u",
						   r->stream, partition);
	redisReply *groups = chaos_servers_command(servers, "XINFO GROUPS __default:%s:partition_%u",
						   r->stream, partition);
	bool one = groups && groups->type == REDIS_REPLY_ARRAY && groups->elements == 1;
	const char *last = text_in(stream, "last-generated-id");
	snprintf(position, SEG_ID_TEXT_MAX, "%s",
		 one ? text_in(groups->element[0], "last-delivered-id") : "");
	bool drained = *last && strcmp(position, last) == 0;
	if (stream)
		freeReplyObject(stream);
	if (groups)
		freeReplyObject(groups);
	return drained;
}

/* On a busy machine, what the faults have left takes longer: the wait ends once nothing has gone on for DRAIN_MS. */
static bool drain(chaos_world *world, const reading *r)
{
	char newest[CHAOS_PARTITIONS][SEG_ID_TEXT_MAX] = {""};
	for (int64_t deadline = seg_now() + DRAIN_MS * SEG_MS; seg_now() < deadline;
	     chaos_world_pass(world, 20)) {
		uint32_t drained = 0;
		for (uint32_t p = 0; p < r->partitions; p++) {
			char position[SEG_ID_TEXT_MAX];
			drained += is_drained(world->servers, r, p, position);
			if (strcmp(position, newest[p]) == 0)
				continue;
			strcpy(newest[p], position);
			deadline = seg_now() + DRAIN_MS * SEG_MS;
		}
		if (drained == r->partitions)
			return true;
	}
	return false;
}

static void read_letters(chaos_world *world, const reading *r, chaos_history *history)
{
	for (uint32_t p = 0; p < r->partitions; p++) {
		redisReply *reply = chaos_servers_command(world->servers,
							  "XRANGE {__default:%s:partition_%u}:%s:dead - +",
							  r->stream, p, r->group);
		for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
			chaos_dead_letter letter = {.partition = p};
			const redisReply *fields = reply->element[i]->element[1];
			if (strncmp(text_in(fields, "reason"), "the process died",
				    strlen("the process died")) == 0)
				letter.deaths = (uint32_t)atoi(text_in(fields, "attempts"));
			letter.key = (uint32_t)atoi(text_in(fields, "partitionKey") + strlen("k"));
			letter.number = (uint32_t)atoi(text_in(fields, "data"));
			if (seg_id_parse(text_in(fields, "id"), &letter.id) == 0)
				chaos_append(&history->dead_letters, letter);
		}
		if (reply)
			freeReplyObject(reply);
	}
}

void chaos_read_dead_letters(chaos_world *world)
{
	for (int i = 0; i < readings_of(world); i++)
		read_letters(world, &readings[i], history_of(world, i));
}

/* Returns 1, with a message, if a log cannot be read. */
static int read_logs_of(chaos_world *world, const reading *r, chaos_history *history)
{
	for (uint32_t p = 0; p < r->partitions; p++) {
		char from[SEG_ID_TEXT_MAX + 1] = "-";
		for (size_t got = PAGE; got == PAGE;) {
			redisReply *reply =
				chaos_servers_command(world->servers,
						      "XRANGE __default:%s:partition_%u %s + COUNT %d",
						      r->stream, p, from, PAGE);
			if (!reply || reply->type != REDIS_REPLY_ARRAY) {
				fprintf(stderr,
					"violation: the log of partition %u of \"%s\" cannot be read\n", p,
					r->stream);
				return 1;
			}
			got = reply->elements;
			for (size_t i = 0; i < got; i++) {
				const redisReply *id = reply->element[i]->element[0];
				const redisReply *fields = reply->element[i]->element[1];
				chaos_logged entry = {.partition = p};
				seg_id_parse(id->str, &entry.id);
				entry.key = (uint32_t)atoi(text_in(fields, "partitionKey") + 1);
				entry.number = (uint32_t)atoi(text_in(fields, "data"));
				chaos_append(&history->logged, entry);
				snprintf(from, sizeof(from), "(%s", id->str);
			}
			freeReplyObject(reply);
		}
	}
	return 0;
}

static int read_logs(chaos_world *world)
{
	int wrong = 0;
	for (int i = 0; i < readings_of(world); i++)
		wrong += read_logs_of(world, &readings[i], history_of(world, i));
	return wrong;
}

/* A field of what Redis knows of the group in a partition; the caller frees the reply. */
static redisReply *state_of(chaos_world *world, const reading *r, uint32_t partition, const char *field)
{
	return chaos_servers_command(world->servers, "HGET {__default:%s:partition_%u}:%s:state %s",
				     r->stream, partition, r->group, field);
}

static bool is_claimed(chaos_world *world, const reading *r)
{
	uint32_t claimed = 0;
	for (uint32_t p = 0; p < r->partitions; p++) {
		redisReply *reply = state_of(world, r, p, "clean");
		claimed += reply && reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "0") == 0;
		if (reply)
			freeReplyObject(reply);
	}
	return claimed == r->partitions;
}

bool chaos_are_all_claimed(chaos_world *world)
{
	for (int i = 0; i < readings_of(world); i++)
		if (!is_claimed(world, &readings[i]))
			return false;
	return true;
}

static void count_removed_of(chaos_world *world, const reading *r, chaos_history *history)
{
	for (uint32_t p = 0; p < r->partitions; p++) {
		redisReply *reply = state_of(world, r, p, "lost");
		if (reply && reply->type == REDIS_REPLY_STRING)
			history->removed_unread += strtoull(reply->str, NULL, 10);
		if (reply)
			freeReplyObject(reply);
	}
}

/*
 * How many entries the group counts as removed unread. The next owner finds at its claim those that members
 * did not notice.
 */
static int count_removed(chaos_world *world)
{
	chaos_runners_start(world->runners, 0);
	int64_t deadline = seg_now() + DRAIN_MS * SEG_MS;
	while (!chaos_are_all_claimed(world) && seg_now() < deadline)
		chaos_world_pass(world, 20);
	bool clean = chaos_are_all_claimed(world) && chaos_runners_end(world->runners, END_MS);
	for (int i = 0; i < readings_of(world); i++)
		count_removed_of(world, &readings[i], history_of(world, i));
	if (!clean)
		fputs("violation: a runner did not claim all partitions, or did not stop\n", stderr);
	return !clean;
}

static void heal(chaos_world *world)
{
	static void (*const healers[])(chaos_world *) = {
		[CHAOS_CLUSTER] = chaos_cluster_heal,
		[CHAOS_SENTINEL] = chaos_sentinel_heal,
		[CHAOS_TLS] = chaos_tls_heal,
	};
	if (world->servers->proxy)
		chaos_proxy_heal(world->servers->proxy);
	if (world->servers->topology != CHAOS_SINGLE)
		healers[world->servers->topology](world);
	for (int slot = 0; slot < CHAOS_SLOTS; slot++)
		chaos_runners_wake(world->runners, slot);
	for (int slot = 0; slot < CHAOS_SLOTS_STEADY; slot++)
		if (!world->runners->slots[slot].pid)
			chaos_runners_start(world->runners, slot);
}

int chaos_end(chaos_world *world, chaos_load *load)
{
	int wrong = 0;
	heal(world);
	if (!chaos_servers_wait(world->servers)) {
		fputs("violation: Redis did not come back\n", stderr);
		wrong++;
	}
	wrong += chaos_load_stop(load, world->history);
	for (int i = 0; i < readings_of(world); i++)
		if (!drain(world, &readings[i])) {
			fprintf(stderr,
				"violation: after the last fault, partitions of \"%s\" were not drained, and nothing went on for %d ms\n",
				readings[i].stream, DRAIN_MS);
			wrong++;
		}
	if (!chaos_runners_end(world->runners, END_MS)) {
		fprintf(stderr, "violation: a runner did not stop within %d ms of SIGTERM\n", END_MS);
		wrong++;
	}
	chaos_read_dead_letters(world);
	if (world->history->whole_log)
		wrong += read_logs(world);
	return wrong + count_removed(world);
}
