/*
 * bell.h - hears when keys change that a connection has read.
 *
 * The server tracks what the data connection reads (CLIENT TRACKING ON REDIRECT) and tells of the first change of
 * each such key to a second connection, the bell's, which is subscribed to __redis__:invalidate. A key rings once
 * for each read: after a ring it must be read again to ring again. So an idle key costs nothing, and neither does a
 * key that is read all the time.
 *
 * One thread, that of the data connection.
 */
#ifndef SEG_REDIS_BELL_H
#define SEG_REDIS_BELL_H

#include "redis/connection.h"
#include "redis/poll_set.h"

typedef struct seg_bell seg_bell;

/* key NULL: any key may have changed, also because the bell begins or ceases to ring. Not NUL-terminated. */
typedef void (*seg_ring_fn)(void *arg, const char *key, size_t length);

typedef enum seg_bell_state {
	SEG_BELL_DUE,   /* it does not ring yet, or not at the moment */
	SEG_BELL_RINGS, /* what is read from now on rings */
	SEG_BELL_DENIED /* the server refuses it: do not wait for a ring */
} seg_bell_state;

/*
 * options: of the bell's own connection, to the same node; on_state, on_message and arg are not used. data: the
 * connection whose reads ring; borrowed. NULL if out of memory.
 */
seg_bell *seg_bell_create(const seg_connection_options *options, seg_connection *data, seg_ring_fn ring,
			  void *arg);
void seg_bell_destroy(seg_bell *bell);

seg_bell_state seg_bell_look(const seg_bell *bell);

/* The data connection was lost, or is ready again. */
void seg_bell_data_changed(seg_bell *bell);

/* As seg_route_poll and seg_route_tick. */
void seg_bell_poll(seg_bell *bell, seg_poll_set *set);
int64_t seg_bell_tick(seg_bell *bell, int64_t now, bool polled);

#endif
