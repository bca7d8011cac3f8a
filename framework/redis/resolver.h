/*
 * resolver.h - looks up a host name without making the caller wait.
 *
 * getaddrinfo(3) blocks for as long as the system's resolver takes, which may be minutes, and cannot be
 * interrupted. So it runs on a thread of its own. A lookup that is given up leaves its thread behind, which
 * frees what is left.
 */
#ifndef SEG_REDIS_RESOLVER_H
#define SEG_REDIS_RESOLVER_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

typedef struct seg_lookup seg_lookup;

/*
 * Starts a lookup. A numeric address is looked up at once, without a thread. NULL with SEG_ENOMEM or
 * SEG_ESYSTEM in error. All calls are of one thread.
 */
seg_lookup *seg_lookup_start(const char *host, uint16_t port, seg_error *error);

/* A descriptor that becomes readable when the lookup is done; do not read it. */
int seg_lookup_fd(const seg_lookup *lookup);

/* Whether it is done. */
bool seg_lookup_done(const seg_lookup *lookup);

/*
 * The addresses, at least one, of a lookup that is done; valid until its end. NULL if it failed: *failure is
 * an EAI_...
 */
const struct addrinfo *seg_lookup_result(const seg_lookup *lookup, int *failure);

/* Ends a lookup, done or not. NULL is allowed. */
void seg_lookup_end(seg_lookup *lookup);

#endif
