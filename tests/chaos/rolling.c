#include "chaos/rolling.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "chaos/progress.h"

enum { SETTLE_MS = 10000, LOOK_MS = 5, NAME_MAX_SIZE = 256 };

typedef struct {
	char names[CHAOS_SLOTS][NAME_MAX_SIZE];
	uint32_t owned[CHAOS_SLOTS];
	size_t count;
} owners;

static bool count_owner(owners *o, const char *name)
{
	for (size_t i = 0; i < o->count; i++) {
		if (strcmp(o->names[i], name) == 0) {
			o->owned[i]++;
			return true;
		}
	}
	if (o->count == CHAOS_SLOTS)
		return false;
	snprintf(o->names[o->count], NAME_MAX_SIZE, "%s", name);
	o->owned[o->count++] = 1;
	return true;
}

/*
 * Each partition has its target as its owner, and no member has more than its share: see
 * framework/lua/README.md, coordinate.
 */
static bool is_balanced(chaos_servers *servers, uint32_t partitions)
{
	owners o = {.count = 0};
	uint32_t settled = 0;
	redisReply *reply = chaos_servers_command(servers, "HGETALL {__default:chaos}:workers:partitions");
	for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
		char owner[NAME_MAX_SIZE], target[NAME_MAX_SIZE];
		if (reply->element[i]->str[0] < '0' || reply->element[i]->str[0] > '9' ||
		    sscanf(reply->element[i + 1]->str, "%*s %255s %255s", owner, target) != 2)
			continue;
		if (strcmp(owner, target) == 0 && strcmp(owner, "-") != 0 && count_owner(&o, owner))
			settled++;
	}
	if (reply)
		freeReplyObject(reply);
	if (settled != partitions || o.count != CHAOS_SLOTS_STEADY)
		return false;
	for (size_t i = 0; i < o.count; i++)
		if (o.owned[i] != partitions / CHAOS_SLOTS_STEADY)
			return false;
	return true;
}

bool chaos_rolling_settle(chaos_world *world, uint32_t partitions)
{
	int64_t deadline = seg_now() + SETTLE_MS * SEG_MS;
	while (!is_balanced(world->servers, partitions)) {
		if (seg_now() > deadline)
			return false;
		chaos_world_pass(world, LOOK_MS);
	}
	return true;
}

static bool ends(chaos_world *world, int slot)
{
	int64_t deadline = seg_now() + SETTLE_MS * SEG_MS;
	for (; world->runners->slots[slot].pid && seg_now() < deadline; chaos_world_pass(world, LOOK_MS))
		;
	return !world->runners->slots[slot].pid;
}

int chaos_rolling(chaos_world *world, size_t count, uint32_t partitions)
{
	for (size_t i = 0; i < count; i++) {
		int slot = (int)(i % CHAOS_SLOTS_STEADY);
		chaos_append(&world->history->restarts, seg_now());
		chaos_runners_terminate(world->runners, slot);
		bool ended = ends(world, slot);
		if (ended)
			chaos_runners_start(world->runners, slot);
		if (!ended || !chaos_rolling_settle(world, partitions)) {
			chaos_progress_end();
			fprintf(stderr, "violation: restart %zu: the runner in slot %d %s within %d ms\n",
				i + 1, slot, ended ? "did not get its share" : "did not stop", SETTLE_MS);
			return 1;
		}
		chaos_progress("restarts", i + 1, count);
	}
	chaos_append(&world->history->restarts, seg_now());
	return 0;
}
