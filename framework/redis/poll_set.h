/* poll_set.h - the descriptors that one thread polls at a time. One thread. */
#ifndef SEG_REDIS_POLL_SET_H
#define SEG_REDIS_POLL_SET_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct seg_poll_set {
	struct pollfd *fds;
	nfds_t count, capacity;
} seg_poll_set;

void seg_poll_set_fini(seg_poll_set *set);

/* Empties the set. */
void seg_poll_set_clear(seg_poll_set *set);

/*
 * Adds a descriptor; -1 takes a place, but is not polled. Returns its place. Out of memory: the descriptor is not
 * polled, and its owner waits for its next timer.
 */
nfds_t seg_poll_set_add(seg_poll_set *set, int fd, short events);

/* Whether the poll found anything at the place. */
static inline bool seg_poll_set_found(const seg_poll_set *set, nfds_t place)
{
	return place < set->count && set->fds[place].revents != 0;
}

/* Polls for up to `timeout` ns (0: does not wait). Whether it found anything. */
bool seg_poll_set_wait(seg_poll_set *set, int64_t timeout);

#endif
