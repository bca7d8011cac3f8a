/*
 * progress.h - how long a connection may wait for an answer, if the commands take long to reach the server. Pure; one thread.
 *
 * The clock starts anew with each byte that comes, and while the peer takes the commands that wait. So a large message on a slow
 * link is no reason to break a connection. Bytes that the kernel took are not enough: a server that hangs, too, has room for the
 * small commands that follow. So a look at the socket remembers how much was issued by then (the mark), and only bytes before the
 * mark that the peer has taken since count as progress.
 *
 * The first look is late: most answers come before it, and cost no system call.
 */
#ifndef SEG_REDIS_PROGRESS_H
#define SEG_REDIS_PROGRESS_H

#include <stdint.h>

typedef struct seg_progress {
	uint64_t written;   /* bytes that the kernel took, since the connect: the connection counts them */
	uint64_t delivered; /* of these, the peer had taken so many at the newest look */
	uint64_t mark;      /* bytes issued at the first look of this wait */
	int64_t looked_at;
	int64_t seen_at; /* when progress was last seen */
} seg_progress;

/* When the wait ends that began at `since`: when the oldest command was issued, or the last byte came. */
int64_t seg_progress_deadline(const seg_progress *progress, int64_t since, int64_t timeout);

/* When the socket must be looked at; SEG_NEVER: not in this wait. */
int64_t seg_progress_look_at(const seg_progress *progress, int64_t since, int64_t timeout);

/* A look. unwritten: bytes that the kernel has not taken; unacknowledged: bytes that the kernel holds. */
void seg_progress_look(seg_progress *progress, int64_t since, int64_t now, uint64_t unwritten,
		       uint64_t unacknowledged);

#endif
