#include "chaos/loss.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { PAGE = 1000, PAUSE_MS = 20000 };

static void free_reply(redisReply *reply)
{
	if (reply)
		freeReplyObject(reply);
}

int64_t chaos_loss_stop_writes(chaos_world *w)
{
	redisReply *reply = chaos_servers_command(w->servers, "CLIENT PAUSE %d WRITE", PAUSE_MS);
	bool good = reply && reply->type == REDIS_REPLY_STATUS;
	free_reply(reply);
	return good ? seg_now() : 0;
}

void chaos_loss_execute(chaos_world *w, const char *format, ...)
{
	va_list args;
	redisContext *control = w->servers->control;
	redisReply *reply = NULL;
	va_start(args, format);
	bool good = control && redisAppendCommand(control, "CLIENT UNPAUSE") == REDIS_OK &&
		    redisvAppendCommand(control, format, args) == REDIS_OK;
	va_end(args);
	for (int i = 0; i < 2 && good; i++) {
		free_reply(reply);
		reply = NULL;
		good = redisGetReply(control, (void **)&reply) == REDIS_OK &&
		       reply->type != REDIS_REPLY_ERROR;
	}
	if (!good)
		chaos_world_violation(w, "%s: %s", format, reply && reply->str ? reply->str : "no answer");
	free_reply(reply);
}

/* False if the group is not there. */
static bool read_position(chaos_world *w, uint32_t partition, seg_id *position)
{
	bool found = false;
	redisReply *reply =
		chaos_servers_command(w->servers, "XINFO GROUPS __default:chaos:partition_%u", partition);
	const redisReply *group =
		reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 ? reply->element[0] : NULL;
	for (size_t i = 0; group && i + 1 < group->elements; i += 2)
		if (strcmp(group->element[i]->str, "last-delivered-id") == 0)
			found = seg_id_parse(group->element[i + 1]->str, position) == 0;
	free_reply(reply);
	return found;
}

bool chaos_loss_is_made_good(chaos_world *w)
{
	seg_id position;
	for (uint32_t p = 0; p < CHAOS_PARTITIONS; p++)
		if (!read_position(w, p, &position))
			return false;
	return true;
}

static uint32_t generation_of(const chaos_world *w, uint32_t partition)
{
	uint32_t generation = 0;
	for (size_t i = 0; i < w->history->losses.count; i++)
		generation += w->history->losses.items[i].partition == partition;
	return generation;
}

static void note_entry(chaos_world *w, chaos_lost lost, const redisReply *entry)
{
	const redisReply *fields = entry->element[1];
	seg_id_parse(entry->element[0]->str, &lost.id);
	lost.key = (uint32_t)atoi(fields->element[1]->str + strlen("k"));
	lost.number = (uint32_t)atoi(fields->element[3]->str);
	chaos_append(&w->history->lost, lost);
}

void chaos_loss_note(chaos_world *w, uint32_t partition, int64_t time, bool leases)
{
	char from[SEG_ID_TEXT_MAX + 1] = "-";
	const chaos_shim *shim = w->servers->shim;
	chaos_loss loss = {.partition = partition,
			   .time = time,
			   .leases = leases,
			   .behind = atomic_load(&shim->clock_ms) < w->clock_most_ms};
	const chaos_lost lost = {.partition = partition, .generation = generation_of(w, partition)};
	if (!read_position(w, partition, &loss.position))
		chaos_world_violation(w, "partition %u has no group before its log is deleted", partition);
	for (size_t got = PAGE; got == PAGE;) {
		redisReply *reply =
			chaos_servers_command(w->servers, "XRANGE __default:chaos:partition_%u %s + COUNT %d",
					      partition, from, PAGE);
		got = reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
		for (size_t i = 0; i < got; i++) {
			note_entry(w, lost, reply->element[i]);
			snprintf(from, sizeof(from), "(%s", reply->element[i]->element[0]->str);
		}
		free_reply(reply);
	}
	chaos_append(&w->history->losses, loss);
}
