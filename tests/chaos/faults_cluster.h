/*
 * faults_cluster.h - what the faults of a cluster share. Main thread only.
 */
#ifndef CHAOS_FAULTS_CLUSTER_H
#define CHAOS_FAULTS_CLUSTER_H

#include "chaos/faults.h"

/*
 * Ends a move of a slot that was left half done, and waits until the cluster is well. Notes a failover that nobody asked
 * for, as on a busy machine. False, with a violation, if the cluster does not become well.
 */
bool chaos_cluster_settle(chaos_world *world);

/* One look of a wait for that. Notes what a mended dispute on slots may have lost. */
bool chaos_cluster_is_settled(chaos_world *world, test_cluster_wait *wait);

/*
 * Two nodes had these slots since the cluster was last well. A node deletes the keys of a slot when it hears of an owner with a later
 * epoch; and what one of two logs had is gone. Redis has lost that, and no replica's confirmation could save it.
 */
void chaos_cluster_note_disputed(chaos_world *world, const bool slots[TEST_CLUSTER_SLOTS]);

/* What the cluster is like now is as it should be: another node is a master only if a fault made it one. */
void chaos_cluster_look(chaos_world *world);

/* The cluster failed over from one node to the other, and the fault has noted it. */
void chaos_cluster_expect(int from, int to);

/* The slot of one of the CHAOS_LOGS logs; for CHAOS_LOGS, that of the keys that say who shall own which partition. */
int chaos_slot_of(const chaos_world *world, unsigned which);

/* faults_slots.c: a slot moves at once; slowly; half, and the rest later. Nodes join with slots, or leave. */
void chaos_fault_move(const chaos_fault *fault, chaos_world *world);
void chaos_fault_move_slowly(const chaos_fault *fault, chaos_world *world);
void chaos_fault_move_half(const chaos_fault *fault, chaos_world *world);
void chaos_fault_resize(const chaos_fault *fault, chaos_world *world);

/* Moves the rest of a slot that was left half moved. */
void chaos_slots_finish(chaos_world *world);

#endif
