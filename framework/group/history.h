/*
 * history.h - checks whether this is still the Redis that the member has read from. I/O thread.
 *
 * A server with another run id or another replication id may have another history: it may have lost its newest writes (a
 * failover, a restart without AOF). It may have given out ids a second time. So nothing that was fetched before may be used.
 */
#ifndef SEG_GROUP_HISTORY_H
#define SEG_GROUP_HISTORY_H

#include "group/state.h"

/* The connection is lost. Nothing is read or committed until Redis answers seg_history_ask. */
void seg_history_disconnected(seg_member *member);

/* Asks Redis for its ids. Takes SEG_NOTE_ANOTHER_HISTORY if they differ from the previous ones. */
void seg_history_ask(seg_member *member);

#endif
