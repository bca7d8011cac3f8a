#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chaos/faults.h"
#include "chaos/pair.h"

/* --- entries are removed ------------------------------------------------------------------- */

/*
 * Removes some of the uncommitted entries in one step: each third, the oldest half, the newest five, or all.
 * Returns the id, the key and the data of each.
 */
static const char removal[] =
	"local log, how = KEYS[1], ARGV[1]\n"
	"local group = redis.pcall('XINFO', 'GROUPS', log)[1]\n"
	"local position = group and group[8] or '0-0'\n"
	"local entries, removed = redis.call('XRANGE', log, '(' .. position, '+'), {}\n"
	"for i, entry in ipairs(entries) do\n"
	"	if (how == 'some' and i % 3 == 0) or (how == 'oldest' and i * 2 <= #entries)\n"
	"			or (how == 'newest' and i > #entries - 5) or how == 'all' then\n"
	"		removed[#removed + 1] = {entry[1], entry[2][2], entry[2][4]}\n"
	"		if how == 'some' or how == 'newest' then redis.call('XDEL', log, entry[1]) end\n"
	"	end\n"
	"end\n"
	"if how == 'all' then\n"
	"	redis.call('XTRIM', log, 'MAXLEN', 0)\n"
	"elseif how == 'oldest' and #removed > 0 and #removed < #entries then\n"
	"	redis.call('XTRIM', log, 'MINID', '=', entries[#removed + 1][1])\n"
	"end\n"
	"return removed\n";

static bool note_removal(chaos_world *w, uint32_t partition, int64_t time, const redisReply *entry)
{
	chaos_deletion d = {.partition = partition, .time = time};
	if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 3 ||
	    seg_id_parse(entry->element[0]->str, &d.id))
		return false;
	d.key = (uint32_t)strtoul(entry->element[1]->str + strlen("k"), NULL, 10);
	d.number = (uint32_t)strtoul(entry->element[2]->str, NULL, 10);
	chaos_append(&w->history->deletions, d);
	return true;
}

static void remove_from(chaos_world *w, uint32_t partition, const char *how)
{
	int64_t time = seg_now();
	redisReply *reply = chaos_servers_command(w->servers, "EVAL %s 1 __default:chaos:partition_%u %s",
						  removal, partition, how);
	bool good = reply && reply->type == REDIS_REPLY_ARRAY;
	for (size_t i = 0; good && i < reply->elements; i++)
		good = note_removal(w, partition, time, reply->element[i]);
	if (!good)
		chaos_world_violation(w, "the reply does not say which entries were removed: %s",
				      reply && reply->str ? reply->str : "no answer");
	if (reply)
		freeReplyObject(reply);
}

/*
 * Mostly while runners are frozen, so that unread messages wait; otherwise just as runners read the messages.
 */
void chaos_fault_trim(const chaos_fault *f, chaos_world *w)
{
	static const char *const ways[] = {"some", "oldest", "newest", "all"};
	bool still = f->which % 4 != 0;
	for (int slot = 0; still && slot < CHAOS_SLOTS; slot++)
		chaos_runners_freeze(w->runners, slot, CHAOS_NEVER);
	if (still)
		chaos_world_pass(w, 300 + f->ms / 4);
	for (uint32_t p = 0; p < CHAOS_PARTITIONS; p++)
		if ((f->which >> (16 + p)) & 1)
			remove_from(w, p, ways[(f->which >> (2 + p)) % 4]);
	for (int slot = 0; still && slot < CHAOS_SLOTS; slot++)
		chaos_runners_wake(w->runners, slot);
}

/* --- a replica that lags ------------------------------------------------------------------- */

enum { NOTICE_MS = 20000, LOOK_MS = 10, BEGINNING_MS = 1000 };

/* The runners that are alive when the primary changes, and how long each one's log is by then. */
typedef struct {
	pid_t pids[CHAOS_SLOTS];
	long lengths[CHAOS_SLOTS];
} audience;

static void note_audience(const chaos_world *w, audience *a)
{
	for (int slot = 0; slot < CHAOS_SLOTS; slot++) {
		const chaos_slot *s = &w->runners->slots[slot];
		bool begins = seg_now() - s->started_at < BEGINNING_MS * SEG_MS;
		a->pids[slot] = s->stopped || s->terminated || begins ? 0 : s->pid;
		a->lengths[slot] = chaos_world_log_length(w, slot);
	}
}

static bool has_noticed(const chaos_world *w, const audience *a, int slot)
{
	const chaos_slot *s = &w->runners->slots[slot];
	return s->pid != a->pids[slot] || s->stopped || s->terminated ||
	       strstr(chaos_world_said(w, slot, a->lengths[slot]), "Redis was restarted or replaced") != NULL;
}

/* Each runner that is still alive must log that it reads its positions again. */
static void expect_notice(chaos_world *w, const audience *a)
{
	int64_t deadline = seg_now() + NOTICE_MS * SEG_MS;
	for (int slot = 0; slot < CHAOS_SLOTS; slot++) {
		while (a->pids[slot] && !has_noticed(w, a, slot) && seg_now() < deadline)
			chaos_world_pass(w, LOOK_MS);
		if (a->pids[slot] && !has_noticed(w, a, slot))
			chaos_world_violation(
				w, "the runner of slot %d did not notice that Redis has another history",
				slot);
	}
}

/* Changes the membership now: the new primary will not know of the change. */
static void change_membership(const chaos_fault *f, chaos_world *w)
{
	int guest = CHAOS_SLOTS_STEADY + (int)(f->which >> 4) % (CHAOS_SLOTS - CHAOS_SLOTS_STEADY);
	int slot = chaos_world_running(w, f->slot);
	switch (f->which % 4) {
	case 0:
		break;
	case 1:
		if (w->runners->slots[guest].pid)
			chaos_runners_terminate(w->runners, guest);
		else
			chaos_runners_start(w->runners, guest);
		break;
	case 2:
		chaos_runners_terminate(w->runners, slot);
		chaos_world_bring_back(w, slot, f->ms);
		break;
	case 3:
		chaos_runners_kill(w->runners, slot);
		chaos_world_bring_back(w, slot, f->ms);
		break;
	}
}

/*
 * The new primary lacks everything added, committed, released and assigned while the replica did not follow.
 */
void chaos_fault_lose(const chaos_fault *f, chaos_world *w)
{
	chaos_rollback rollbacks[CHAOS_PARTITIONS];
	audience there;
	if (!chaos_world_settle(w)) {
		chaos_world_idle(w, "runners keep starting");
		return;
	}
	if (!chaos_pair_part(w->servers)) {
		chaos_world_idle(w, "the replica does not follow");
		return;
	}
	change_membership(f, w);
	chaos_world_pass(w, 100 + f->ms);
	note_audience(w, &there);
	chaos_pair_promote(w->servers, rollbacks, CHAOS_PARTITIONS);
	for (uint32_t p = 0; p < CHAOS_PARTITIONS; p++)
		chaos_append(&w->history->rollbacks, rollbacks[p]);
	expect_notice(w, &there);
}
