/*
 * notify.h - what segrunner tells systemd of itself, where a unit with Type=notify has started it. See sd_notify(3).
 *
 * Functions are the main thread's. Without $NOTIFY_SOCKET, or built without libsystemd, they do nothing.
 */
#ifndef SEG_HOST_NOTIFY_H
#define SEG_HOST_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this program was built with libsystemd. */
bool seg_notify_is_built(void);

/* It is up: all that it was told to start has started. After seg_notify_reloading: what was asked for is in force. */
void seg_notify_ready(void);

/* It reads its configuration again. */
void seg_notify_reloading(void);

/* It is ending. */
void seg_notify_stopping(void);

/* One line for people, as `systemctl status` shows it. */
__attribute__((format(printf, 1, 2))) void seg_notify_status(const char *format, ...);

/* In which time (ns) systemd wants a sign of life, or it ends this process; 0: it does not. */
int64_t seg_notify_watchdog(void);

/* That sign. */
void seg_notify_alive(void);

#endif
