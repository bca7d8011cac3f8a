/*
 * history.h - whether each server is still the Redis that the member has read from: the same process, with the same
 * replication history. If not, it may have lost its newest writes, and may give out ids a second time. I/O thread.
 *
 * A server is a node of the route; a single server is one node. What is not verified on the present connection is
 * neither read nor committed.
 */
#ifndef SEG_GROUP_HISTORY_H
#define SEG_GROUP_HISTORY_H

#include "group/state.h"

/* The node's connection was lost: what it said no longer counts. */
void seg_history_disconnected(seg_member *member, seg_node node);

/* Asks the node which Redis it is. Its connection must be ready. */
void seg_history_ask(seg_member *member, seg_node node);

/* Asks again all nodes that have been asked: one of them may have become a replica. */
void seg_history_ask_all(seg_member *member);

/*
 * Looks whether slots have moved to other nodes. A node that takes a slot over may have fewer writes than the last
 * one had: ends the epochs of the partitions concerned.
 */
void seg_history_follow_slots(seg_member *member);

void seg_history_fini(seg_member *member);

#endif
