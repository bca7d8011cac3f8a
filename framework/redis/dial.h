/*
 * dial.h - from an address to an open transport: chooses an endpoint, looks up its host, and connects to one of
 * the addresses that the host has. Successive attempts go round all endpoints and all their addresses.
 *
 * No call blocks. A dial belongs to one thread.
 */
#ifndef SEG_REDIS_DIAL_H
#define SEG_REDIS_DIAL_H

#include "redis/transport.h"

typedef struct seg_dial seg_dial;

typedef enum seg_dial_outcome {
	SEG_DIAL_DUE,   /* call seg_dial_step again */
	SEG_DIAL_OPEN,  /* take the transport */
	SEG_DIAL_FAILED /* the attempt is over */
} seg_dial_outcome;

/*
 * address: borrowed. endpoint: the only one to connect to, borrowed; NULL: all those of the address. Both
 * outlive the dial. NULL if out of memory.
 */
seg_dial *seg_dial_create(const seg_address *address, const seg_endpoint *endpoint);
void seg_dial_destroy(seg_dial *dial);

/* Begins the next attempt. Call seg_dial_step after it. */
void seg_dial_begin(seg_dial *dial);

/* Goes on with the attempt. SEG_DIAL_FAILED: error says why. */
seg_dial_outcome seg_dial_step(seg_dial *dial, seg_error *error);

/* After SEG_DIAL_OPEN: the caller's. */
seg_transport *seg_dial_take(seg_dial *dial);

/* The attempt takes too long: gives it up and says in error what was waited for. */
void seg_dial_give_up(seg_dial *dial, int64_t timeout, seg_error *error);

/* The endpoint of the attempt; NULL before the first one. */
const seg_endpoint *seg_dial_endpoint(const seg_dial *dial);

/* The server of the attempt, for messages. Valid until the next seg_dial_begin. */
const char *seg_dial_where(const seg_dial *dial);

/* The descriptor to poll during an attempt, or -1; and for which events (POLLIN, POLLOUT). */
int seg_dial_fd(const seg_dial *dial);
short seg_dial_events(const seg_dial *dial);

#endif
