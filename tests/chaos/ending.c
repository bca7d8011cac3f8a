#include "chaos/ending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { DRAIN_MS = 60000, END_MS = 15000, PAGE = 1000 };

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
static bool is_drained(chaos_servers *servers, int partition, char position[SEG_ID_TEXT_MAX])
{
	redisReply *stream =
		chaos_servers_command(servers, "XINFO STREAM __default:chaos:partition_%d", partition);
	redisReply *groups =
		chaos_servers_command(servers, "XINFO GROUPS __default:chaos:partition_%d", partition);
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
static bool drain(chaos_world *world)
{
	char newest[CHAOS_PARTITIONS][SEG_ID_TEXT_MAX] = {""};
	for (int64_t deadline = seg_now() + DRAIN_MS * SEG_MS; seg_now() < deadline;
	     chaos_world_pass(world, 20)) {
		int drained = 0;
		for (int p = 0; p < CHAOS_PARTITIONS; p++) {
			char position[SEG_ID_TEXT_MAX];
			drained += is_drained(world->servers, p, position);
			if (strcmp(position, newest[p]) == 0)
				continue;
			strcpy(newest[p], position);
			deadline = seg_now() + DRAIN_MS * SEG_MS;
		}
		if (drained == CHAOS_PARTITIONS)
			return true;
	}
	return false;
}

static void read_dead_letters(chaos_world *world)
{
	for (uint32_t p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply =
			chaos_servers_command(world->servers,
					      "XRANGE {__default:chaos:partition_%u}:workers:dead - +", p);
		for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
			chaos_dead_letter letter = {.partition = p};
			const redisReply *fields = reply->element[i]->element[1];
			if (strncmp(text_in(fields, "reason"), "the process died",
				    strlen("the process died")) == 0)
				letter.deaths = (uint32_t)atoi(text_in(fields, "attempts"));
			if (seg_id_parse(text_in(fields, "id"), &letter.id) == 0)
				chaos_append(&world->history->dead_letters, letter);
		}
		if (reply)
			freeReplyObject(reply);
	}
}

/* Returns 1, with a message, if a log cannot be read. */
static int read_logs(chaos_world *world)
{
	for (uint32_t p = 0; p < CHAOS_PARTITIONS; p++) {
		char from[SEG_ID_TEXT_MAX + 1] = "-";
		for (size_t got = PAGE; got == PAGE;) {
			redisReply *reply =
				chaos_servers_command(world->servers,
						      "XRANGE __default:chaos:partition_%u %s + COUNT %d", p,
						      from, PAGE);
			if (!reply || reply->type != REDIS_REPLY_ARRAY) {
				fprintf(stderr, "violation: the log of partition %u cannot be read\n", p);
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
				chaos_append(&world->history->logged, entry);
				snprintf(from, sizeof(from), "(%s", id->str);
			}
			freeReplyObject(reply);
		}
	}
	return 0;
}

bool chaos_are_all_claimed(chaos_servers *servers)
{
	int claimed = 0;
	for (int p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply =
			chaos_servers_command(servers,
					      "HGET {__default:chaos:partition_%d}:workers:state clean", p);
		claimed += reply && reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "0") == 0;
		if (reply)
			freeReplyObject(reply);
	}
	return claimed == CHAOS_PARTITIONS;
}

/*
 * How many entries the group counts as removed unread. The next owner finds at its claim those that members
 * did not notice.
 */
static int count_removed(chaos_world *world)
{
	chaos_runners_start(world->runners, 0);
	int64_t deadline = seg_now() + DRAIN_MS * SEG_MS;
	while (!chaos_are_all_claimed(world->servers) && seg_now() < deadline)
		chaos_world_pass(world, 20);
	bool clean = chaos_are_all_claimed(world->servers) && chaos_runners_end(world->runners, END_MS);
	for (int p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply =
			chaos_servers_command(world->servers,
					      "HGET {__default:chaos:partition_%d}:workers:state lost", p);
		if (reply && reply->type == REDIS_REPLY_STRING)
			world->history->removed_unread += strtoull(reply->str, NULL, 10);
		if (reply)
			freeReplyObject(reply);
	}
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
	if (!drain(world)) {
		fprintf(stderr,
			"violation: after the last fault, partitions were not drained, and nothing went on for %d ms\n",
			DRAIN_MS);
		wrong++;
	}
	if (!chaos_runners_end(world->runners, END_MS)) {
		fprintf(stderr, "violation: a runner did not stop within %d ms of SIGTERM\n", END_MS);
		wrong++;
	}
	read_dead_letters(world);
	if (world->history->whole_log)
		wrong += read_logs(world);
	return wrong + count_removed(world);
}
