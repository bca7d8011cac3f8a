/* patience.h - repeats an attempt until it succeeds. One thread. */
#ifndef CTL_PATIENCE_H
#define CTL_PATIENCE_H

#include <stdint.h>

/* Waits without end. */
#define CTL_FOR_EVER INT64_MAX

/*
 * Calls `attempt` until it returns 0, the time is up, or it fails in a way that waiting does not mend (a wrong login, a
 * refused right, ...). A limit that is exceeded, and a server, a stream or a group that is not there yet, may mend.
 *
 * timeout: in ns, or CTL_FOR_EVER. `attempt` gets the time that is left, and returns 0, or an exit code after one
 * complaint or more, the first of which is that of the exit code. After 2 s, each new kind of failure has one line on
 * standard error, so that a mistyped name does not wait in silence. Returns 0, or the last exit code after each complaint
 * of the last attempt on standard error.
 */
int ctl_persist(int64_t timeout, int (*attempt)(void *arg, int64_t left), void *arg);

#endif
