/*
 * history.h - checks whether all connections reach one Redis, and whether it is the one that the member has read from. I/O thread.
 *
 * A server with another run id or another replication id may have another history: it may have lost its newest writes (a
 * failover, a restart without AOF). It may have given out ids a second time. So nothing that was fetched before may be used.
 *
 * The member's history is that of the servers that control reaches, because claims and commits go there. Each connection asks for
 * the ids of its own server whenever it has connected, and is used for messages and positions only while they are control's: so
 * what is read and what is committed belong to one history. After a failover the connections may reach different servers for a
 * while. Then both connections that differ connect again.
 *
 * On a cluster this holds for each node. A slot that moves to another node, because it was migrated or because a replica was made
 * the master, counts as another history of its partitions: the new node may have fewer writes than the old one had. The group's
 * control slot concerns all partitions, so the two are told apart. A node that has failed over loses all its slots at once. The
 * control slot was migrated if the node that had it has kept other slots, and control's connection to that node.
 *
 * A login without the right to INFO gets no ids. Then the loss of one connection ends all to that server, and control's next
 * connect counts as another history.
 */
#ifndef SEG_GROUP_HISTORY_H
#define SEG_GROUP_HISTORY_H

#include "group/state.h"

/* The link has connected to a node: asks it for its ids. For control, ids that are new end the epochs of the node's partitions. */
void seg_history_connected(seg_member_link *link, seg_node node);

/* The connection to the node is lost. Nothing is read or committed there until its next server has told its ids. */
void seg_history_disconnected(seg_member_link *link, seg_node node);

/* Looks whether slots have moved. Ends the epochs of partitions whose slot has. */
void seg_history_follow_slots(seg_member *member);

/*
 * Whether the control slot has moved, and it is not known yet whether it was migrated: until the route has the map. An epoch that
 * was assigned meanwhile must not be claimed yet, because the coordinator may have forgotten later ones.
 */
bool seg_history_is_unclear(const seg_member *member);

/* Whether the link may be used for a slot: its node is connected, and has the member's history. */
bool seg_history_holds(const seg_member_link *link, uint16_t slot);

void seg_history_fini(seg_member *member);

#endif
