/* faults_cluster.c - masters of a cluster die, hang and hand over; links to nodes break. */
#include "chaos/faults_cluster.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "chaos/takeover.h"

enum { SETTLE_MS = 300000, TAKEOVER_MS = 15000, LOOK_MS = 40 };

/* The masters, as a set of bits, and what they had, when the cluster was last seen to be well. */
static struct {
	uint64_t masters;
	chaos_marks marks;
} seen;

/* --- the cluster is well -------------------------------------------------------------------- */

static uint64_t masters_of(const test_cluster *c)
{
	uint64_t masters = 0;
	for (int i = 0; i < c->count; i++)
		if (test_cluster_lives(c, i) && test_cluster_is_master(c, i))
			masters |= UINT64_C(1) << i;
	return masters;
}

void chaos_cluster_look(chaos_world *w)
{
	const test_cluster *c = w->servers->cluster;
	seen.masters = masters_of(c);
	seen.marks = (chaos_marks){0};
	for (int i = 0; i < c->count; i++)
		if (seen.masters >> i & 1)
			chaos_marks_read(&seen.marks, c->nodes[i]);
}

void chaos_cluster_expect(int from, int to)
{
	seen.masters = (seen.masters & ~(UINT64_C(1) << from)) | UINT64_C(1) << to;
}

void chaos_cluster_note_disputed(chaos_world *w, const bool slots[TEST_CLUSTER_SLOTS])
{
	size_t first = w->history->rollbacks.count;
	size_t first_of_output = w->output ? w->output->rollbacks.count : 0;
	chaos_marks marks = {.control = slots[chaos_slot_of(w, CHAOS_LOGS)]};
	for (unsigned p = 0; p < CHAOS_LOGS; p++)
		marks.partitions[p].known = slots[chaos_slot_of(w, p)];
	chaos_takeover_note(w, &marks, seen.marks.time, seg_now());
	for (size_t i = first; i < w->history->rollbacks.count; i++)
		w->history->rollbacks.items[i].disputed = true;
	for (size_t i = first_of_output; w->output && i < w->output->rollbacks.count; i++)
		w->output->rollbacks.items[i].disputed = true;
}

bool chaos_cluster_is_settled(chaos_world *w, test_cluster_wait *wait)
{
	int before = wait->mended;
	bool settled = test_cluster_is_settled(w->servers->cluster, wait);
	w->given_back += (unsigned)(wait->mended - before);
	if (wait->mended > before) {
		chaos_cluster_note_disputed(w, wait->slots);
		memset(wait->slots, 0, sizeof(wait->slots));
	}
	return settled;
}

bool chaos_cluster_settle(chaos_world *w)
{
	const test_cluster *c = w->servers->cluster;
	chaos_slots_finish(w);
	int64_t deadline = seg_now() + SETTLE_MS * SEG_MS;
	test_cluster_wait wait = {.why = ""};
	while (!chaos_cluster_is_settled(w, &wait)) {
		if (seg_now() > deadline) {
			chaos_world_violation(w, "the cluster is not well within %d ms: %s", SETTLE_MS,
					      wait.why);
			return false;
		}
		chaos_world_pass(w, LOOK_MS);
	}
	if (seen.masters && masters_of(c) != seen.masters) {
		w->unasked++;
		chaos_takeover_note(w, &seen.marks, seen.marks.time, seg_now());
	}
	chaos_cluster_look(w);
	return true;
}

/* --- a master and its replica ----------------------------------------------------------------- */

typedef struct {
	int master, replica;
} couple;

/* A master whose replica is in step; false if there is none. */
static bool find_couple(const chaos_fault *f, chaos_world *w, couple *found)
{
	const test_cluster *c = w->servers->cluster;
	if (!chaos_cluster_settle(w))
		return false;
	for (int i = 0; i < c->count; i++) {
		int node = (int)(((unsigned)i + f->which) % (unsigned)c->count);
		if (!test_cluster_lives(c, node) || !test_cluster_is_master(c, node))
			continue;
		*found = (couple){node, test_cluster_replica_of(c, node)};
		if (found->replica >= 0)
			return true;
	}
	chaos_world_idle(w, "no master has a replica");
	return false;
}

/*
 * The others may not vote for a replica that does not know yet which slots its master had. Then an operator makes it the
 * master.
 */
static bool takes_over(chaos_world *w, const couple *nodes)
{
	const test_cluster *c = w->servers->cluster;
	int64_t deadline = seg_now() + TAKEOVER_MS * SEG_MS;
	bool forced = false;
	while (!test_cluster_is_master(c, nodes->replica)) {
		if (seg_now() > deadline && forced) {
			chaos_world_violation(w, "the replica did not take over within %d ms",
					      2 * TAKEOVER_MS);
			return false;
		}
		if (seg_now() > deadline) {
			test_server_tell(c->nodes[nodes->replica], "CLUSTER FAILOVER TAKEOVER");
			w->forced++;
			forced = true;
			deadline += TAKEOVER_MS * SEG_MS;
		}
		chaos_world_pass(w, LOOK_MS);
	}
	/* Nobody agreed to that, so it may have taken slots from a master that lives. */
	if (forced)
		chaos_takeover_note(w, &seen.marks, seen.marks.time, seg_now());
	return true;
}

static void expect_takeover(chaos_world *w, const couple *nodes, const chaos_marks *marks, int64_t time,
			    int64_t until)
{
	chaos_takeover_note(w, marks, time, until);
	chaos_cluster_expect(nodes->master, nodes->replica);
}

void chaos_cluster_heal(chaos_world *w)
{
	chaos_cluster_settle(w);
}

/* --- the faults ------------------------------------------------------------------------------- */

/* Loses nothing: the replica has everything before it takes over. */
static void fail_over(const chaos_fault *f, chaos_world *w)
{
	couple nodes;
	if (!find_couple(f, w, &nodes))
		return;
	test_server_tell(w->servers->cluster->nodes[nodes.replica], "CLUSTER FAILOVER");
	if (takes_over(w, &nodes))
		chaos_cluster_expect(nodes.master, nodes.replica);
}

/* What the replica has when the master is dead is all that is left, until it takes over. */
static void kill_master(const chaos_fault *f, chaos_world *w)
{
	couple nodes;
	chaos_marks marks = {0};
	test_cluster *c = w->servers->cluster;
	if (!find_couple(f, w, &nodes))
		return;
	test_cluster_kill(c, nodes.master);
	int64_t dead = seg_now();
	chaos_takeover_wait_read(w, c->nodes[nodes.replica], true);
	chaos_marks_read(&marks, c->nodes[nodes.replica]);
	if (!takes_over(w, &nodes))
		return;
	expect_takeover(w, &nodes, &marks, dead, dead);
	chaos_world_pass(w, f->ms / 2);
	/* It has no data. It finds out that it was replaced, and becomes a replica. */
	test_cluster_restart(c, nodes.master);
}

/* The master does not know that it was replaced: when it wakes, it may take writes, which are lost. */
static void hang_for_long(const chaos_fault *f, chaos_world *w)
{
	couple nodes;
	chaos_marks marks = {0};
	const test_cluster *c = w->servers->cluster;
	if (!find_couple(f, w, &nodes))
		return;
	int64_t from = seg_now();
	kill(c->nodes[nodes.master]->pid, SIGSTOP);
	chaos_takeover_wait_read(w, c->nodes[nodes.replica], false);
	chaos_marks_read(&marks, c->nodes[nodes.replica]);
	bool taken = takes_over(w, &nodes);
	chaos_world_pass(w, f->ms);
	kill(c->nodes[nodes.master]->pid, SIGCONT);
	if (!taken)
		return;
	chaos_cluster_expect(nodes.master, nodes.replica);
	if (chaos_cluster_settle(w))
		chaos_takeover_note(w, &marks, from, seg_now());
}

/* Shorter than what makes the others take it for dead. */
static void hang_shortly(const chaos_fault *f, chaos_world *w)
{
	couple nodes;
	const test_cluster *c = w->servers->cluster;
	if (!find_couple(f, w, &nodes))
		return;
	kill(c->nodes[nodes.master]->pid, SIGSTOP);
	chaos_world_pass(w, 100 + f->ms * 4 / 5);
	kill(c->nodes[nodes.master]->pid, SIGCONT);
}

static void kill_clients(const chaos_fault *f, chaos_world *w)
{
	const test_cluster *c = w->servers->cluster;
	int killed = 0;
	bool all = f->which % 3 == 0;
	for (int i = 0, done = 0; i < c->count && (all || !done); i++) {
		int node = (int)(((unsigned)i + (f->which >> 2)) % (unsigned)c->count);
		if (!test_cluster_lives(c, node) || !test_cluster_is_master(c, node))
			continue;
		killed += chaos_servers_kill_clients_of(c->nodes[node]);
		done++;
	}
	if (killed == 0)
		chaos_world_idle(w, "nobody was connected");
}

/* Of one master, or of all. */
static void flush_scripts(const chaos_fault *f, chaos_world *w)
{
	const test_cluster *c = w->servers->cluster;
	for (int i = 0, done = 0; i < c->count && (f->which % 2 || !done); i++) {
		int node = (int)(((unsigned)i + (f->which >> 1)) % (unsigned)c->count);
		if (!test_cluster_lives(c, node) || !test_cluster_is_master(c, node))
			continue;
		test_server_tell(c->nodes[node], "SCRIPT FLUSH");
		done++;
	}
}

static const chaos_fault_kind kinds[] = {
	{"move", 5, 0, true, false, chaos_fault_move},
	{"move-slowly", 3, 0, true, false, chaos_fault_move_slowly},
	{"move-half", 3, 0, true, false, chaos_fault_move_half},
	{"resize", 2, 0, true, false, chaos_fault_resize},
	{"failover", 4, 0, true, false, fail_over},
	{"kill-master", 4, 0, true, false, kill_master},
	{"hang", 2, 0, true, false, hang_for_long},
	{"hang-shortly", 2, 0, true, false, hang_shortly},
	{"client-kill", 2, 0, true, false, kill_clients},
	{"script-flush", 1, 0, false, false, flush_scripts},
};

const chaos_fault_table chaos_faults_cluster = {kinds, sizeof(kinds) / sizeof(kinds[0])};
