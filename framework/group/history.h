/*
 * history.h - is this still the Redis that was read from? I/O thread.
 *
 * A server with another run id and another replication id may have another history: it lost its newest writes (a failover, a
 * restart without AOF). Ids may have been given out again then, so nothing that was fetched may be used.
 */
#ifndef SEG_GROUP_HISTORY_H
#define SEG_GROUP_HISTORY_H

#include "group/state.h"

/* The connection is gone: until seg_history_ask is answered, nothing is read or committed. */
void seg_history_disconnected(seg_member *member);

/* Asks Redis who it is; SEG_NOTE_ANOTHER_HISTORY where that differs from the time before. */
void seg_history_ask(seg_member *member);

#endif
