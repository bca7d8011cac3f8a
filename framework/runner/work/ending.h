/* ending.h - how sections tell the main thread that the runner must end. */
#ifndef SEG_WORK_ENDING_H
#define SEG_WORK_ENDING_H

#include <stdatomic.h>

typedef struct seg_ending {
	int fd;               /* eventfd; readable once an end was requested */
	atomic_int exit_code; /* sysexits(3), of the first request; -1: none yet */
} seg_ending;

/* Any thread. The first request decides the exit code; later ones do nothing. */
void seg_ending_request(seg_ending *ending, int exit_code);

#endif
