/*
 * signals.h - the signals that ask something of a runner. Main thread.
 *
 * They are blocked in every thread and read from a descriptor, so none interrupts a system call. What a signal asks for
 * is noted here; the runner acts on the note and clears it.
 */
#ifndef SEG_HOST_SIGNALS_H
#define SEG_HOST_SIGNALS_H

#include <stdbool.h>

#include "base/log.h"

typedef struct seg_signals {
	int fd;         /* signalfd, non-blocking; -1: not open */
	unsigned stops; /* SIGTERM and SIGINT so far: the first one stops cleanly, the second one at once */
	bool reload;    /* SIGHUP: read the configuration again */
	bool drain;  /* SIGUSR1: give up all partitions, or take partitions again; two of them cancel out */
	bool report; /* SIGUSR2: log the state of each partition */
} seg_signals;

/* Call before any thread is started, since threads inherit the blocked signals. 0, or -1 with errno. */
int seg_signals_open(seg_signals *signals);

/* Notes all signals that have arrived. Never waits. */
void seg_signals_read(seg_signals *signals, const seg_logger *logger);

/* The signals stay blocked. */
void seg_signals_close(seg_signals *signals);

#endif
