/*
 * faults_wipe.c - Redis forgets: everything; the stream; a log, its group, or what it knows of the group. The runners and the
 * producer live. No runner starts until the others have made the groups again, because it would not know of them; all the same
 * one may die or be suspended, but not the last one.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "chaos/ending.h"
#include "chaos/loss.h"

enum { JOIN_MS = 3000, NOTICE_MS = 60000, LOOK_MS = 10 };

static int count_running(const chaos_world *w)
{
	int count = 0;
	for (int slot = 0; slot < CHAOS_SLOTS; slot++) {
		const chaos_slot *s = &w->runners->slots[slot];
		count += s->pid && !s->stopped && !s->terminated;
	}
	return count;
}

static bool any_suspended(const chaos_world *w)
{
	for (int slot = 0; slot < CHAOS_SLOTS; slot++)
		if (w->runners->slots[slot].pid && w->runners->slots[slot].stopped)
			return true;
	return false;
}

/* Whether the last owner of a partition may have ended, and no other has claimed it since. */
static bool any_ended_lately(const chaos_world *w)
{
	const chaos_history *h = w->history;
	const int64_t since = seg_now() - 3 * h->lease;
	for (size_t i = 0; i < h->processes.count; i++) {
		const chaos_process *p = &h->processes.items[i];
		if ((p->killed && p->killed_at > since) || (p->ended != CHAOS_NEVER && p->ended > since))
			return true;
	}
	return false;
}

/* Whether each process has had a partition, and so has joined and knows the groups. */
static bool have_all_joined(const chaos_world *w)
{
	for (int slot = 0; slot < CHAOS_SLOTS; slot++) {
		char path[512];
		struct stat records;
		snprintf(path, sizeof(path), "%s/records.%d", w->runners->directory,
			 (int)w->runners->slots[slot].pid);
		if (w->runners->slots[slot].pid && (stat(path, &records) || records.st_size == 0))
			return false;
	}
	return true;
}

/* Waits until runners run that know the groups; returns when writes were stopped, or 0. From then on no runner starts. */
static int64_t begin(chaos_world *w)
{
	int64_t time = 0, deadline = seg_now() + JOIN_MS * SEG_MS;
	w->runners->held = true;
	while (!(have_all_joined(w) && count_running(w) > 0 && chaos_loss_is_made_good(w)) &&
	       seg_now() < deadline)
		chaos_world_pass(w, LOOK_MS);
	if (have_all_joined(w) && count_running(w) > 0 && chaos_servers_wait(w->servers) &&
	    chaos_loss_is_made_good(w))
		time = chaos_loss_stop_writes(w);
	if (!time)
		chaos_world_idle(w, "not all runners have joined, or a group is not there");
	w->runners->held = time != 0;
	return time;
}

static void end(chaos_world *w)
{
	int64_t deadline = seg_now() + NOTICE_MS * SEG_MS;
	bool good;
	while (!(good = chaos_loss_is_made_good(w)) && seg_now() < deadline)
		chaos_world_pass(w, LOOK_MS);
	if (!good)
		chaos_world_violation(w, "the groups were not made again within %d ms", NOTICE_MS);
	w->runners->held = false;
}

/* A runner dies or is suspended just now, if it is not the last one. */
static void hinder(const chaos_fault *f, chaos_world *w)
{
	int slot = chaos_world_running(w, f->slot);
	unsigned how = (f->which >> 6) % 4;
	if (count_running(w) < 2)
		return;
	if (how == 1)
		chaos_runners_freeze(w->runners, slot, seg_now() + (500 + 2 * f->ms) * SEG_MS);
	if (how == 2)
		chaos_runners_kill(w->runners, slot);
	if (how == 2)
		chaos_world_bring_back(w, slot, f->ms);
}

/* The ids of the new log may be lower than those of the old one. */
static void put_clock_back(const chaos_fault *f, chaos_world *w)
{
	static const int64_t steps_ms[] = {0, 40, 300, 5000};
	int64_t ms = atomic_load(&w->servers->shim->clock_ms);
	atomic_store(&w->servers->shim->clock_ms, ms - steps_ms[(f->which >> 4) % 4]);
}

/* --- everything ---------------------------------------------------------------------------- */

static void remove_files(const char *directory)
{
	char path[512];
	DIR *entries = opendir(directory);
	for (const struct dirent *entry; entries && (entry = readdir(entries));) {
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (entries)
		closedir(entries);
}

/* Another Redis without data, at the same address. */
static void replace_server(chaos_world *w)
{
	char path[128];
	test_server *server = w->servers->primary;
	chaos_servers_disconnect(w->servers);
	test_server_kill(server);
	chaos_audit_emptied(w->servers->audit);
	snprintf(path, sizeof(path), "%s/appendonlydir", server->directory);
	remove_files(path);
	snprintf(path, sizeof(path), "%s/dump.rdb", server->directory);
	unlink(path);
	test_server_restart(server);
}

/* The stream is deleted, and registered again at once with the same shape. The audit looks for the DEL. */
static const char deletion[] =
	"for _, key in ipairs(redis.call('KEYS', '*')) do\n"
	"	if not string.find(key, ':info$') and not string.find(key, ':partitions$') then\n"
	"		redis.call('UNLINK', key)\n"
	"	end\n"
	"end\n"
	"redis.call('DEL', '{__default:chaos}:workers:partitions')\n";

void chaos_fault_wipe(const chaos_fault *f, chaos_world *w)
{
	int64_t time = begin(w);
	if (!time)
		return;
	put_clock_back(f, w);
	for (uint32_t p = 0; p < CHAOS_PARTITIONS; p++)
		chaos_loss_note(w, p, time, true);
	chaos_read_dead_letters(w);
	if (f->which % 3 == 0)
		chaos_loss_execute(w, "FLUSHALL");
	else if (f->which % 3 == 1)
		replace_server(w);
	else
		chaos_loss_execute(w, "EVAL %s 0", deletion);
	hinder(f, w);
	end(w);
}

/* --- one partition ------------------------------------------------------------------------- */

/* The log; the group alone; what Redis knows of the group; both of the two with the log, or without. */
enum { LOG, GROUP, STATE, LOG_AND_STATE, GROUP_AND_STATE, WAYS };

static const char *const losses[WAYS] = {
	[LOG] = "redis.call('DEL', KEYS[1])",
	[GROUP] = "redis.call('XGROUP', 'DESTROY', KEYS[1], 'workers')",
	[STATE] = "redis.call('DEL', KEYS[2])",
	[LOG_AND_STATE] = "redis.call('DEL', KEYS[1]) redis.call('DEL', KEYS[2])",
	[GROUP_AND_STATE] = "redis.call('XGROUP', 'DESTROY', KEYS[1], 'workers') redis.call('DEL', KEYS[2])",
};

void chaos_fault_remake(const chaos_fault *f, chaos_world *w)
{
	unsigned p = (f->which >> 8) % CHAOS_PARTITIONS, way = f->which % WAYS;
	int64_t time = begin(w);
	if (!time)
		return;
	/* Only the owner knows where the group was, if Redis does not. */
	if (way == GROUP_AND_STATE && (any_suspended(w) || any_ended_lately(w)))
		way = LOG;
	if (way == LOG || way == LOG_AND_STATE) {
		chaos_loss_note(w, p, time, false);
		put_clock_back(f, w);
	}
	chaos_loss_execute(
		w, "EVAL %s 2 __default:chaos:partition_%u {__default:chaos:partition_%u}:workers:state",
		losses[way], p, p);
	if (way != GROUP_AND_STATE)
		hinder(f, w);
	end(w);
}
