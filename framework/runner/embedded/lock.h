/* lock.h - flock(2) on the lock files of an embedded Redis; the kernel drops a lock however its holder ends. Any thread. */
#ifndef SEG_EMBEDDED_LOCK_H
#define SEG_EMBEDDED_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

/* Opens the file, and creates it (mode 0600) where there is none. 0, or SEG_EINVAL with an error; then *fd is -1. */
int seg_embedded_lock_open(const char *path, int *fd, seg_error *error);

/* `kind` is LOCK_SH or LOCK_EX. Returns whether it is held. Never waits. */
bool seg_embedded_lock_try(int fd, int kind);

/* The same, but waits up to `timeout` ns until others drop it. */
bool seg_embedded_lock_wait(int fd, int kind, int64_t timeout);

void seg_embedded_lock_drop(int fd);

#endif
