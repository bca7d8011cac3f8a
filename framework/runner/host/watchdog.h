/*
 * watchdog.h - feeds systemd's watchdog, as long as the runner works. Main thread.
 *
 * The runner works while the main thread looks here, no handler is past handler_timeout, and the I/O thread of each
 * section goes round when it is nudged. Otherwise the watchdog starves, and systemd restarts segrunner.
 */
#ifndef SEG_HOST_WATCHDOG_H
#define SEG_HOST_WATCHDOG_H

#include "work/section.h"

typedef struct seg_watchdog {
	int64_t timeout; /* ns without food after which systemd acts; 0: there is no watchdog */
	int64_t feed_at; /* seg_now() */
} seg_watchdog;

void seg_watchdog_init(seg_watchdog *watchdog);

/* The longest time, in ms, between two looks; INT_MAX without a watchdog. */
int seg_watchdog_pause_ms(const seg_watchdog *watchdog);

/* Feeds the watchdog, if that is due and these sections work. A section without a member counts as working. */
void seg_watchdog_look(seg_watchdog *watchdog, seg_section *const *sections, size_t count, int64_t now);

#endif
