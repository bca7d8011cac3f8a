/*
 * signals.h - the signals that ask something of a runner. Main thread.
 *
 * A signal handler counts them; a descriptor wakes the main thread. No thread blocks them, so children of plugins do not
 * start with blocked signals. The kernel delivers them to the main thread, if it can. What a signal asks for is noted here;
 * the runner acts on the note and clears it.
 */
#ifndef SEG_HOST_SIGNALS_H
#define SEG_HOST_SIGNALS_H

#include <stdbool.h>

#include "base/log.h"

typedef struct seg_signals {
	int fd; /* readable when signals have arrived; -1: not open */
	unsigned
		stops; /* SIGTERM, SIGINT and a terminal's hang-up so far: the first one stops cleanly, the second one at once */
	bool reload; /* any other SIGHUP: read the configuration again */
	bool drain;  /* SIGUSR1: give up all partitions, or take partitions again; two of them cancel out */
	bool report; /* SIGUSR2: log the state of each partition */
} seg_signals;

/* From now on no signal kills the process; seg_signals_read notes them once they are opened. Once per process, as early as possible. */
void seg_signals_catch(void);

/* One of a process at a time. Catches the signals, too, where seg_signals_catch has not. 0, or -1 with errno. */
int seg_signals_open(seg_signals *signals);

/*
 * Notes all signals that have arrived. Returns whether one has. Never waits. Catches them anew, if a plugin has set handlers of its
 * own: call it at least once a second.
 */
bool seg_signals_read(seg_signals *signals, const seg_logger *logger);

/* Signals are still caught, and not noted. */
void seg_signals_close(seg_signals *signals);

#endif
