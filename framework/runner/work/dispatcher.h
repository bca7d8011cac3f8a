/*
 * dispatcher.h - the worker thread of a partition with `parallel` above 1: hands fetched messages to lanes, by slot, and does what
 * their answers say.
 *
 * It gives a job to each lane that has none: the oldest messages that may be handled (slots.h). A job is a fair share of what waits, so
 * that all lanes have work; it is as large as the handler is quick, so that an empty handler gets whole batches, and a slow one keeps
 * no other lane waiting. Requests to Redis, for a dead letter, are made one at a time, and nothing but the letter's slot waits.
 */
#ifndef SEG_WORK_DISPATCHER_H
#define SEG_WORK_DISPATCHER_H

#include "work/task.h"

typedef struct seg_dispatcher seg_dispatcher;

/* I/O thread. `task` is the partition's, and must outlive the dispatcher. NULL: out of memory. */
seg_dispatcher *seg_dispatcher_create(seg_task *task);

/* I/O thread, after the worker thread has ended. NULL: does nothing. */
void seg_dispatcher_destroy(seg_dispatcher *dispatcher);

/* The worker thread: starts the lanes, and returns once the worker must stop and all lanes have ended. */
void seg_dispatcher_run(seg_dispatcher *dispatcher);

/* Of the calls that lanes are making, the one that began first; any call while none is made. Any thread. */
const seg_plugin_call *seg_dispatcher_call(const seg_dispatcher *dispatcher);

/* What keeps the dispatcher or a lane from serving the partition, for seg_unserved_report. I/O thread. */
seg_unserved *seg_dispatcher_unserved(seg_dispatcher *dispatcher);

#endif
