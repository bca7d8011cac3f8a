/*
 * trouble.h - why a worker cannot serve its partition at this moment: partition_open fails, or there is no memory.
 *
 * The worker writes it, and the I/O thread looks: it gives the partition back if that lasts (group/shortage.h).
 */
#ifndef SEG_WORK_TROUBLE_H
#define SEG_WORK_TROUBLE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "group/shortage.h"

typedef struct seg_trouble {
	atomic_llong since; /* seg_now() of the first failure in a row; 0: none */
	atomic_bool served; /* the partition is open, and its messages can be handled */
	seg_shortage why;   /* this and the reason: under a lock */
	char reason[200];
} seg_trouble;

/* Before the worker starts. */
void seg_trouble_init(seg_trouble *trouble);

/* Worker: it failed, not for the first time perhaps. */
void seg_trouble_note(seg_trouble *trouble, seg_shortage why, const char *reason);

/* Worker: it has succeeded. */
void seg_trouble_end(seg_trouble *trouble);

/* I/O thread: tells the partition's member what there is to tell. */
void seg_trouble_report(seg_trouble *trouble, seg_partition *partition);

#endif
