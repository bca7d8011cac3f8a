/* faults_target.c - the output of a pipeline is full: a group that nobody reads for holds all its messages. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chaos/faults.h"

enum { PATIENCE_MS = 20000, LOOK_MS = 10, POSITIONS_SIZE = 1024 };

static bool is_integer(redisReply *reply, long long *number)
{
	bool good = reply && reply->type == REDIS_REPLY_INTEGER;
	*number = good ? reply->integer : 0;
	if (reply)
		freeReplyObject(reply);
	return good;
}

/* How many of the output's partitions took nothing more since `before`, which then is their size. */
static int count_still(chaos_world *w, long long before[CHAOS_OUTPUT_PARTITIONS])
{
	int still = 0;
	for (int p = 0; p < CHAOS_OUTPUT_PARTITIONS; p++) {
		long long length;
		if (!is_integer(chaos_servers_command(w->servers,
						      "XLEN __default:" CHAOS_OUTPUT ":partition_%d", p),
				&length))
			continue;
		still += length == before[p] && length > 0;
		before[p] = length;
	}
	return still;
}

/* The source's positions, as a text that changes whenever one of them moves. */
static void read_positions(chaos_world *w, char positions[POSITIONS_SIZE])
{
	size_t used = 0;
	positions[0] = '\0';
	for (int p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply =
			chaos_servers_command(w->servers,
					      "HGET {__default:chaos:partition_%d}:workers:state position",
					      p);
		if (reply && reply->type == REDIS_REPLY_STRING)
			used += (size_t)snprintf(positions + used, POSITIONS_SIZE - used, "%.40s ",
						 reply->str);
		if (reply)
			freeReplyObject(reply);
	}
}

/* A group that nobody reads for holds all of each partition from now on; or no longer. */
static bool hold(chaos_world *w, bool held)
{
	bool all = true;
	for (int p = 0; p < CHAOS_OUTPUT_PARTITIONS; p++) {
		redisReply *reply = held ? chaos_servers_command(w->servers,
								 "XGROUP CREATE __default:" CHAOS_OUTPUT
								 ":partition_%d hold $",
								 p)
					 : chaos_servers_command(w->servers,
								 "XGROUP DESTROY __default:" CHAOS_OUTPUT
								 ":partition_%d hold",
								 p);
		all = all && reply && reply->type != REDIS_REPLY_ERROR;
		if (reply)
			freeReplyObject(reply);
	}
	return all;
}

/* A runner dies or stops while it cannot add what it has handled. */
static void hinder(const chaos_fault *f, chaos_world *w)
{
	int slot = chaos_world_running(w, f->slot);
	if (f->which % 3 == 1)
		chaos_runners_kill(w->runners, slot);
	if (f->which % 3 == 2)
		chaos_runners_terminate(w->runners, slot);
	if (f->which % 3)
		chaos_world_bring_back(w, slot, f->ms);
}

static void expect_progress(chaos_world *w)
{
	char before[POSITIONS_SIZE], now[POSITIONS_SIZE];
	read_positions(w, before);
	for (int64_t deadline = seg_now() + PATIENCE_MS * SEG_MS; seg_now() < deadline;
	     chaos_world_pass(w, LOOK_MS)) {
		read_positions(w, now);
		if (strcmp(now, before) != 0)
			return;
	}
	chaos_world_violation(w, "the output has had room for %d ms, but no position moved", PATIENCE_MS);
}

void chaos_fault_fill(const chaos_fault *f, chaos_world *w)
{
	long long lengths[CHAOS_OUTPUT_PARTITIONS] = {0};
	int64_t from = seg_now(), deadline = from + PATIENCE_MS * SEG_MS;
	if (!hold(w, true)) {
		hold(w, false);
		chaos_world_idle(w, "Redis did not hold the output");
		return;
	}
	/* Twice in a row, with time for many records in between. */
	for (int still = 0; still < 2 && seg_now() < deadline; chaos_world_pass(w, 10 * LOOK_MS))
		still = count_still(w, lengths) == CHAOS_OUTPUT_PARTITIONS ? still + 1 : 0;
	if (seg_now() >= deadline)
		chaos_world_violation(w, "an output that nobody may trim grew for %d ms", PATIENCE_MS);
	for (int p = 0; p < CHAOS_OUTPUT_PARTITIONS; p++)
		if (lengths[p] > CHAOS_OUTPUT_SIZE)
			chaos_world_violation(w, "partition %d of the output has %lld messages, more than %d",
					      p, lengths[p], CHAOS_OUTPUT_SIZE);
	hinder(f, w);
	chaos_world_pass(w, f->ms);
	if (!hold(w, false))
		chaos_world_violation(w, "Redis did not give the output free");
	chaos_append(&w->history->held, (chaos_outage){from, seg_now()});
	expect_progress(w);
}
