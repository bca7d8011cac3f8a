/* faults_sentinel.c - a master, its replicas and the Sentinels that watch them die, hang and hand over. */
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "chaos/takeover.h"

enum { SETTLE_MS = 120000, TAKEOVER_MS = 60000, ASK_MS = 500, LOOK_MS = 40 };

/* The master, and what it had, when all was last seen to be well. */
static struct {
	bool valid;
	int master;
	chaos_marks marks;
} seen;

/* --- all is well ----------------------------------------------------------------------------- */

static void look(chaos_world *w)
{
	const test_sentinel *s = w->servers->sentinel;
	seen.valid = true;
	seen.master = test_sentinel_master(s);
	seen.marks = (chaos_marks){0};
	chaos_marks_read(&seen.marks, s->servers[seen.master]);
	chaos_servers_turn_to(w->servers, s->servers[seen.master]);
}

static bool wait_settled(chaos_world *w)
{
	int64_t deadline = seg_now() + SETTLE_MS * SEG_MS;
	while (!test_sentinel_is_settled(w->servers->sentinel)) {
		if (seg_now() > deadline) {
			chaos_world_violation(w, "the servers and Sentinels are not well within %d ms",
					      SETTLE_MS);
			return false;
		}
		chaos_world_pass(w, LOOK_MS);
	}
	return true;
}

static bool settle(chaos_world *w)
{
	if (!wait_settled(w))
		return false;
	if (seen.valid && test_sentinel_master(w->servers->sentinel) != seen.master) {
		w->unasked++;
		chaos_takeover_note(w, &seen.marks, seen.marks.time, seg_now());
	}
	look(w);
	return true;
}

void chaos_sentinel_heal(chaos_world *w)
{
	settle(w);
}

/* --- another master -------------------------------------------------------------------------- */

/* What each server has. */
typedef struct {
	chaos_marks of[TEST_SENTINEL_SERVERS_MAX];
} marks;

static void read_replicas(chaos_world *w, marks *m)
{
	const test_sentinel *s = w->servers->sentinel;
	*m = (marks){0};
	for (int i = 0; i < s->server_count; i++)
		if (i != seen.master)
			chaos_marks_read(&m->of[i], s->servers[i]);
}

/* What each of the replicas had. */
static chaos_marks least(const chaos_world *w, const marks *m)
{
	chaos_marks all = {0};
	for (int i = 0; i < w->servers->sentinel->server_count; i++)
		if (i != seen.master)
			chaos_marks_lower(&all, &m->of[i]);
	return all;
}

/*
 * Once all is well: notes what the new master may lack, which took over between `from` and `until`. On a busy machine the Sentinels may
 * have replaced it once more.
 */
static void settle_takeover(chaos_world *w, const marks *m, int master, int64_t from, int64_t until)
{
	if (!wait_settled(w))
		return;
	bool again = test_sentinel_master(w->servers->sentinel) != master;
	chaos_marks has = again ? least(w, m) : m->of[master];
	w->unasked += again;
	chaos_takeover_note(w, &has, from, again || until == CHAOS_NEVER ? seg_now() : until);
	look(w);
}

/* Waits until the Sentinels name another master, and it is one; -1 if they do not. ask: tells one of them to do it. */
static int wait_takeover(chaos_world *w, bool ask)
{
	const test_sentinel *s = w->servers->sentinel;
	int64_t deadline = seg_now() + TAKEOVER_MS * SEG_MS, next = 0;
	int master;
	while (master = test_sentinel_master(s),
	       master == seen.master ||
		       !test_server_seems(s->servers[master], "INFO replication", "role:master")) {
		if (seg_now() > deadline)
			return -1;
		/* It refuses while it has not heard from the replicas for a while. */
		if (ask && seg_now() > next && master == seen.master) {
			freeReplyObject(
				test_server_ask(s->sentinels[0], "SENTINEL FAILOVER " TEST_SENTINEL_NAME));
			next = seg_now() + ASK_MS * SEG_MS;
		}
		chaos_world_pass(w, LOOK_MS);
	}
	return master;
}

static void kill_master(const chaos_fault *f, chaos_world *w)
{
	const test_sentinel *s = w->servers->sentinel;
	marks m;
	if (!settle(w))
		return;
	int old = seen.master;
	test_server_kill(s->servers[old]);
	int64_t dead = seg_now();
	for (int i = 0; i < s->server_count; i++)
		if (i != old)
			chaos_takeover_wait_read(w, s->servers[i], true);
	read_replicas(w, &m);
	int master = wait_takeover(w, false);
	chaos_world_pass(w, f->ms / 2);
	test_server_restart(s->servers[old]);
	if (master < 0) {
		chaos_world_violation(w, "no replica of a killed master took over within %d ms", TAKEOVER_MS);
		return;
	}
	/* It has no data, so it must not be a master again. */
	test_server_follow(s->servers[old], s->servers[master]);
	settle_takeover(w, &m, master, dead, dead);
}

/* The old master takes writes until it hears that it is none any more; these are lost. */
static void fail_over(const chaos_fault *f, chaos_world *w)
{
	marks m;
	(void)f;
	if (!settle(w))
		return;
	int64_t from = seg_now();
	read_replicas(w, &m);
	int master = wait_takeover(w, true);
	if (master < 0) {
		chaos_world_idle(w, "the Sentinels did not fail over");
		return;
	}
	settle_takeover(w, &m, master, from, CHAOS_NEVER);
}

static void hang_for_long(const chaos_fault *f, chaos_world *w)
{
	const test_sentinel *s = w->servers->sentinel;
	marks m;
	if (!settle(w))
		return;
	int64_t from = seg_now();
	int old = seen.master;
	kill(s->servers[old]->pid, SIGSTOP);
	chaos_takeover_wait_read(w, s->servers[(old + 1) % s->server_count], false);
	read_replicas(w, &m);
	int master = wait_takeover(w, false);
	chaos_world_pass(w, f->ms);
	kill(s->servers[old]->pid, SIGCONT);
	if (master < 0)
		chaos_world_violation(w, "no replica of a master that hangs took over within %d ms",
				      TAKEOVER_MS);
	else
		settle_takeover(w, &m, master, from, CHAOS_NEVER);
}

static void hang_shortly(const chaos_fault *f, chaos_world *w)
{
	if (!settle(w))
		return;
	pid_t pid = w->servers->sentinel->servers[seen.master]->pid;
	kill(pid, SIGSTOP);
	chaos_world_pass(w, 100 + f->ms * 4 / 5);
	kill(pid, SIGCONT);
}

/* --- those who do not matter at that moment -------------------------------------------------- */

static void kill_replica(const chaos_fault *f, chaos_world *w)
{
	const test_sentinel *s = w->servers->sentinel;
	if (!settle(w))
		return;
	int replica = (seen.master + 1 + (int)(f->which % (unsigned)(s->server_count - 1))) % s->server_count;
	test_server_kill(s->servers[replica]);
	chaos_world_pass(w, f->ms);
	test_server_restart(s->servers[replica]);
	test_server_follow(s->servers[replica], s->servers[seen.master]);
}

static void kill_sentinel(const chaos_fault *f, chaos_world *w)
{
	test_sentinel *s = w->servers->sentinel;
	if (!settle(w))
		return;
	int sentinel = (int)(f->which % (unsigned)s->sentinel_count);
	test_server_kill(s->sentinels[sentinel]);
	chaos_world_pass(w, f->ms);
	test_sentinel_restart(s, sentinel);
}

static void kill_clients(const chaos_fault *f, chaos_world *w)
{
	(void)f;
	if (settle(w) && chaos_servers_kill_clients_of(w->servers->primary) == 0)
		chaos_world_idle(w, "nobody was connected");
}

static void flush_scripts(const chaos_fault *f, chaos_world *w)
{
	(void)f;
	if (settle(w))
		test_server_tell(w->servers->primary, "SCRIPT FLUSH");
}

static const chaos_fault_kind kinds[] = {
	{"kill-master", 5, 0, true, false, kill_master},
	{"failover", 4, 0, true, false, fail_over},
	{"hang", 3, 0, true, false, hang_for_long},
	{"hang-shortly", 2, 0, true, false, hang_shortly},
	{"kill-replica", 3, 0, true, false, kill_replica},
	{"kill-sentinel", 3, 0, true, false, kill_sentinel},
	{"client-kill", 2, 0, true, false, kill_clients},
	{"script-flush", 1, 0, false, false, flush_scripts},
};

const chaos_fault_table chaos_faults_sentinel = {kinds, sizeof(kinds) / sizeof(kinds[0])};
