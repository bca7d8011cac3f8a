/*
 * dial.h - from an address to an open transport. An attempt tries one server after another, and each address of a
 * server's host, until a transport is open. Where there are several, each gets a short time at first, so that a dead one
 * does not use up the time of the others. The next attempt begins with the next server.
 *
 * If the address names a master, the only server is the one that the Sentinels call the master.
 *
 * No call blocks. A dial belongs to one thread.
 */
#ifndef SEG_REDIS_DIAL_H
#define SEG_REDIS_DIAL_H

#include "redis/master.h"
#include "redis/transport.h"

typedef struct seg_dial seg_dial;

typedef enum seg_dial_outcome {
	SEG_DIAL_DUE,   /* call seg_dial_step again */
	SEG_DIAL_OPEN,  /* take the transport */
	SEG_DIAL_FAILED /* the attempt is over */
} seg_dial_outcome;

/*
 * address: borrowed. endpoint: the only one to connect to, borrowed; NULL: all those of the address. master: where the
 * master is, if the address names one; else NULL; borrowed. They outlive the dial. NULL if out of memory.
 */
seg_dial *seg_dial_create(const seg_address *address, const seg_endpoint *endpoint, seg_master *master);
void seg_dial_destroy(seg_dial *dial);

/* Begins the next attempt. Call seg_dial_step after it. */
void seg_dial_begin(seg_dial *dial);

/* Goes on with the attempt. SEG_DIAL_FAILED: error says why. */
seg_dial_outcome seg_dial_step(seg_dial *dial, seg_error *error);

/* After SEG_DIAL_DUE: when to call seg_dial_step if no event comes before; SEG_NEVER: only after an event. */
int64_t seg_dial_timer(const seg_dial *dial);

/* After SEG_DIAL_OPEN: the caller's. */
seg_transport *seg_dial_take(seg_dial *dial);

/* The attempt takes too long: gives it up and says in error what was waited for. */
void seg_dial_give_up(seg_dial *dial, int64_t timeout, seg_error *error);

/* Whether the Sentinels have named another master since the newest attempt began. */
bool seg_dial_is_stale(const seg_dial *dial);

/* The server of the newest attempt did not serve: the Sentinels are asked again. */
void seg_dial_doubt(seg_dial *dial);

/* The server of the attempt, for messages. Valid until the next seg_dial_begin or seg_dial_step. */
const char *seg_dial_where(const seg_dial *dial);

/* The descriptor to poll during an attempt, or -1; and for which events (POLLIN, POLLOUT). */
int seg_dial_fd(const seg_dial *dial);
short seg_dial_events(const seg_dial *dial);

#endif
