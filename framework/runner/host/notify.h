/*
 * notify.h - messages to systemd, for a unit with Type=notify. See sd_notify(3). Main thread.
 *
 * Without $NOTIFY_SOCKET, or in a build without libsystemd, the functions do nothing.
 */
#ifndef SEG_HOST_NOTIFY_H
#define SEG_HOST_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this program was built with libsystemd. */
bool seg_notify_is_built(void);

/* READY: every section has started; after seg_notify_reloading, the reload has ended. */
void seg_notify_ready(void);

/*
 * EXTEND_TIMEOUT_USEC: the start is not late before `time` ns from now, even if TimeoutStartSec of the unit has passed; systemd
 * 236 or later.
 */
void seg_notify_extend(int64_t time);

/* RELOADING: the runner reads its configuration again. */
void seg_notify_reloading(void);

/* STOPPING: the runner is ending. */
void seg_notify_stopping(void);

/* STATUS: one line for people; `systemctl status` shows it. */
__attribute__((format(printf, 1, 2))) void seg_notify_status(const char *format, ...);

/* The watchdog's timeout in ns: systemd restarts segrunner if it hears seg_notify_alive less often. 0: no watchdog. */
int64_t seg_notify_watchdog(void);

/* WATCHDOG: the runner works. */
void seg_notify_alive(void);

#endif
