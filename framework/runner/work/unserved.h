/*
 * unserved.h - why a worker cannot serve its partition at this moment: partition_open fails, or there is no memory.
 *
 * The worker writes it, and the I/O thread looks: it gives the partition back if that lasts (group/shortage.h).
 */
#ifndef SEG_WORK_UNSERVED_H
#define SEG_WORK_UNSERVED_H

#include <stdatomic.h>
#include <stdbool.h>

#include "group/shortage.h"

typedef struct seg_unserved {
	atomic_llong since; /* seg_now() of the first failure in a row; 0: none */
	atomic_bool served; /* the partition is open, and its messages can be handled */
	seg_shortage why;   /* this and the reason: under a lock */
	char reason[200];
} seg_unserved;

/* Before the worker starts. */
void seg_unserved_init(seg_unserved *unserved);

/* Worker: it failed, not for the first time perhaps. */
void seg_unserved_note(seg_unserved *unserved, seg_shortage why, const char *reason);

/* Worker: it has succeeded. */
void seg_unserved_end(seg_unserved *unserved);

/* Any thread: whether the newest try failed; whether any has succeeded. */
bool seg_unserved_lasts(const seg_unserved *unserved);
bool seg_unserved_is_served(const seg_unserved *unserved);

/* I/O thread: tells the partition's member what there is to tell. */
void seg_unserved_report(seg_unserved *unserved, seg_partition *partition);

#endif
