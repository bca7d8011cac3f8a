/*
 * fork.h - tells a child of fork() from the process that made an object. Any thread.
 *
 * A child has its parent's memory and sockets, but none of its threads. A call on an object of the parent would wait for a thread
 * that does not exist, or mix bytes and answers of both processes on one connection. So each object notes the count of forks when it is made,
 * and calls compare. The count is raised by pthread_atfork and not found out with getpid(), which is a system call: a send pays
 * for one load. After _Fork() or a bare clone(), which skip these handlers, POSIX permits no calls but the signal-safe ones.
 */
#ifndef SEG_BASE_FORK_H
#define SEG_BASE_FORK_H

#include <stdbool.h>

#include <segmenter/segmenter.h>

/* Begins to count, before the first object is made. 0, or SEG_ENOMEM. */
int seg_fork_watch(void);

/* How many forks lie between the process that called seg_fork_watch first and this one. */
unsigned seg_fork_count(void);

/* Whether the object that noted `count` is of a parent of this process. */
bool seg_fork_is_parents(unsigned count);

/* SEG_EFORKED, with its sentence. `object`: "client", "producer" or "consumer". */
int seg_fork_fail(const char *object, seg_error *error);

#endif
