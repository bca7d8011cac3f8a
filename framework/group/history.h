/*
 * history.h - checks whether all connections reach one Redis, and whether it is the one that the member has read from. I/O thread.
 *
 * A server with another run id or another replication id may have another history: it may have lost its newest writes (a
 * failover, a restart without AOF). It may have given out ids a second time. So nothing that was fetched before may be used.
 *
 * The member's history is that of the server that control reaches, because claims and commits go there. Each connection asks for
 * the ids of its own server whenever it has connected, and is used for messages and positions only while they are control's: so
 * what is read and what is committed belong to one history. After a failover the connections may reach different servers for a
 * while. Then both connections that differ connect again.
 *
 * A login without the right to INFO gets no ids. Then the loss of one connection ends all, and control's next connect counts as
 * another history.
 */
#ifndef SEG_GROUP_HISTORY_H
#define SEG_GROUP_HISTORY_H

#include "group/state.h"

/* The connection has connected: asks its server for the ids. Control takes SEG_NOTE_ANOTHER_HISTORY if they are new ones. */
void seg_history_connected(seg_member_link *link);

/* The connection is lost. It reads and commits nothing until its next server has told its ids. */
void seg_history_disconnected(seg_member_link *link);

/* Whether the connection is ready, and its server has the member's history. */
bool seg_history_holds(const seg_member_link *link);

#endif
