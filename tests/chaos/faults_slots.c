/* faults_slots.c - slots of a cluster move, nodes join and leave. */
#include <stdio.h>

#include "base/clock.h"
#include "chaos/faults_cluster.h"

enum {
	ALL = 1000,
	LISTEN_MS = 10000,
	MOVE_MS = 300000,
	LOOK_MS = 10,
	MOST_MOVED = 3,
	TRIES = 5,
	RESUME_MS = 200
};

/* A slot whose move began, and was left half done; -1: none. */
static struct {
	int slot, to;
} half = {.slot = -1};

/* A master that joined, and its replica; -1: none. */
static int guest = -1, guests_replica = -1;

/* --- slots ---------------------------------------------------------------------------------- */

/* Any log that the run has, or the keys that say who shall own what. */
static unsigned draw_log(const chaos_world *w, unsigned which)
{
	if (w->output)
		return which % (CHAOS_LOGS + 1);
	return which % (CHAOS_PARTITIONS + 1) < CHAOS_PARTITIONS ? which % (CHAOS_PARTITIONS + 1)
								 : CHAOS_LOGS;
}

int chaos_slot_of(const chaos_world *w, unsigned which)
{
	char key[64];
	unsigned n = which % (CHAOS_LOGS + 1);
	if (n == CHAOS_LOGS)
		snprintf(key, sizeof(key), "{__default:chaos}:workers:control");
	else if (n >= CHAOS_PARTITIONS)
		snprintf(key, sizeof(key), "{__default:" CHAOS_OUTPUT ":partition_%u}", n - CHAOS_PARTITIONS);
	else
		snprintf(key, sizeof(key), "{__default:chaos:partition_%u}", n);
	return test_cluster_slot(w->servers->cluster, key);
}

static bool may_take_slots(const test_cluster *c, int node)
{
	return test_cluster_lives(c, node) && test_cluster_is_master(c, node) && node != guests_replica;
}

/* Another master than the one that has the slot. */
static int target_of(const test_cluster *c, int slot, unsigned which)
{
	int owner = test_cluster_slot_owner(c, slot), node = (int)(which % (unsigned)c->count);
	while (node == owner || !may_take_slots(c, node))
		node = (node + 1) % c->count;
	return node;
}

/* A master was replaced in the middle: its successor knows nothing of the move. */
static void resume(const test_cluster *c)
{
	for (int i = 0; i < c->count && !test_cluster_is_master(c, half.to); i++)
		if (test_cluster_lives(c, i) && test_cluster_is_master(c, i) &&
		    test_cluster_replica_of(c, i) == half.to)
			half.to = i;
	if (test_cluster_slot_owner(c, half.slot) != half.to)
		test_cluster_move_try(c, half.slot, half.to);
}

static int move_keys(chaos_world *w, int most)
{
	bool replaced = false;
	int moved = test_cluster_move_keys_try(w->servers->cluster, half.slot, half.to, most, &replaced);
	if (replaced) {
		bool slots[TEST_CLUSTER_SLOTS] = {false};
		slots[half.slot] = true;
		chaos_cluster_note_disputed(w, slots);
		w->split++;
	}
	return moved;
}

void chaos_slots_finish(chaos_world *w)
{
	const test_cluster *c = w->servers->cluster;
	int64_t deadline = seg_now() + MOVE_MS * SEG_MS;
	test_cluster_wait wait = {.why = ""};
	while (half.slot >= 0) {
		int moved = move_keys(w, ALL);
		if (moved == 0 && test_cluster_move_end_try(c, half.slot, half.to))
			break;
		if (moved <= 0 && !chaos_cluster_is_settled(w, &wait))
			chaos_world_pass(w, RESUME_MS);
		if (seg_now() > deadline) {
			chaos_world_violation(w, "slot %d is on node %d, and did not move to node %d: %s",
					      half.slot, test_cluster_slot_owner(c, half.slot), half.to,
					      wait.why);
			break;
		}
		if (moved <= 0)
			resume(c);
		chaos_world_pass(w, 1);
	}
	half.slot = -1;
}

/* On a busy machine, a master may have been replaced since the cluster was well. */
static bool begin(chaos_world *w, unsigned which)
{
	int slot = chaos_slot_of(w, draw_log(w, which));
	for (int i = 0; i < TRIES && chaos_cluster_settle(w); i++) {
		int to = target_of(w->servers->cluster, slot, which >> 8);
		if (!test_cluster_move_try(w->servers->cluster, slot, to))
			continue;
		half.slot = slot;
		half.to = to;
		return true;
	}
	chaos_world_idle(w, "masters keep being replaced");
	return false;
}

void chaos_fault_move(const chaos_fault *f, chaos_world *w)
{
	for (unsigned i = 0; i <= (f->which >> 16) % MOST_MOVED && begin(w, f->which + i); i++)
		chaos_slots_finish(w);
}

void chaos_fault_move_slowly(const chaos_fault *f, chaos_world *w)
{
	if (!begin(w, f->which))
		return;
	chaos_world_pass(w, f->ms / 2);
	/* For some calls, one key is here and one there. */
	while (move_keys(w, 1) > 0)
		chaos_world_pass(w, f->ms / 2);
	chaos_slots_finish(w);
}

/* Whatever comes next, comes while the slot is half moved. The next fault that needs a well cluster moves the rest. */
void chaos_fault_move_half(const chaos_fault *f, chaos_world *w)
{
	if (!begin(w, f->which))
		return;
	chaos_world_pass(w, f->ms / 2);
	move_keys(w, (int)(f->which >> 4) % 3);
}

/* --- nodes ---------------------------------------------------------------------------------- */

static int add_node(chaos_world *w)
{
	chaos_servers *s = w->servers;
	int node = test_cluster_add(s->cluster);
	chaos_audit_add(s->audit, s->cluster->nodes[node]->socket);
	for (int64_t deadline = seg_now() + LISTEN_MS * SEG_MS;
	     !chaos_audit_listens(s->audit) && seg_now() < deadline;)
		chaos_world_pass(w, LOOK_MS);
	return node;
}

static void move_to(chaos_world *w, int slot, int node)
{
	for (int i = 0; !test_cluster_move_try(w->servers->cluster, slot, node); i++)
		if (i >= TRIES || !chaos_cluster_settle(w) ||
		    test_cluster_slot_owner(w->servers->cluster, slot) == node)
			return;
	half.slot = slot;
	half.to = node;
	chaos_slots_finish(w);
}

static void join(const chaos_fault *f, chaos_world *w)
{
	guest = add_node(w);
	guests_replica = add_node(w);
	chaos_world_pass(w, 1);
	test_cluster_replicate(w->servers->cluster, guests_replica, guest);
	for (unsigned i = 0; i <= f->which % MOST_MOVED; i++) {
		int slot = chaos_slot_of(w, draw_log(w, (f->which >> 4) + i));
		if (test_cluster_slot_owner(w->servers->cluster, slot) != guest)
			move_to(w, slot, guest);
	}
}

/* After a failover, the guest is the replica. */
static void find_master(const test_cluster *c)
{
	if (test_cluster_is_master(c, guest))
		return;
	int replica = guest;
	guest = guests_replica;
	guests_replica = replica;
}

static void remove_node(chaos_world *w, int node)
{
	chaos_servers *s = w->servers;
	chaos_audit_remove(s->audit, s->cluster->nodes[node]->socket);
	if (s->primary == s->cluster->nodes[node])
		chaos_servers_turn_to(s, s->cluster->nodes[0]);
	test_cluster_remove(s->cluster, node);
}

static void leave(const chaos_fault *f, chaos_world *w)
{
	const test_cluster *c = w->servers->cluster;
	test_cluster_view view;
	find_master(c);
	test_cluster_look(c, guest, &view);
	for (int slot = 0; slot < TEST_CLUSTER_SLOTS; slot++)
		if (view.owners[slot] == guest)
			move_to(w, slot, target_of(c, slot, f->which));
	/* The two follow another master now. */
	test_cluster_wait wait = {.why = ""};
	for (int64_t deadline = seg_now() + LISTEN_MS * SEG_MS;
	     !chaos_cluster_is_settled(w, &wait) && seg_now() < deadline;)
		chaos_world_pass(w, LOOK_MS);
	remove_node(w, guests_replica);
	remove_node(w, guest);
	guest = guests_replica = -1;
}

void chaos_fault_resize(const chaos_fault *f, chaos_world *w)
{
	if (!chaos_cluster_settle(w))
		return;
	if (guest < 0 && w->servers->cluster->count + 2 > TEST_CLUSTER_NODES_MAX)
		chaos_world_idle(w, "the harness can add no more nodes");
	else if (guest < 0)
		join(f, w);
	else
		leave(f, w);
	chaos_cluster_look(w);
}
