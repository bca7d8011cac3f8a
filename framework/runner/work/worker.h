/*
 * worker.h - the thread of one task: everything that the plugin does for an owned partition happens on it.
 *
 * The member's I/O thread starts a worker once the partition is claimed, or with the first message if the plugin allows that
 * (seg_worker_may_wait), stops it through the handoff, and joins it after the worker has said that it stopped.
 */
#ifndef SEG_WORK_WORKER_H
#define SEG_WORK_WORKER_H

#include <pthread.h>

#include "work/task.h"

typedef enum seg_worker_state {
	SEG_WORKER_STOPPED, /* there is no thread, and none is to be started */
	SEG_WORKER_AWAITS,  /* there is no thread: it is started with the first message */
	SEG_WORKER_RUNS,
} seg_worker_state;

typedef struct seg_worker {
	seg_task task;
	pthread_t thread;
	struct seg_dispatcher *dispatcher; /* of its lanes; NULL: `parallel` is 1 */
	/* The I/O thread's: */
	seg_worker_state state;
	unsigned start_failures; /* of an awaited thread, in a row */
	int64_t start_at;        /* and no start is tried before */
	bool stuck;              /* its call has exceeded handler_timeout, or ended its thread */
	int64_t hang_told;       /* seg_now() at which the call began that the log names; 0: none */
	int64_t look_at;         /* with lanes: seg_now() of the next look at their calls */
	seg_hindered_entry hindered;
	int64_t failing_since; /* the I/O thread's: seg_now() of the first refusal of a thread */
	unsigned slots_waiting,
		lanes_busy; /* the I/O thread's: what the section's counters have of this worker */
	int cpu;            /* to pin the thread to; -1: none */
} seg_worker;

/* Whether the plugin does without a thread for a partition that has no messages yet. */
bool seg_worker_may_wait(const seg_handler *handler);

/* I/O thread. Returns 0, or a positive errno: then there is no thread. */
int seg_worker_start(seg_worker *worker, const seg_task_setup *setup, seg_partition *partition, int cpu);

/* I/O thread, after seg_handoff_stopped: waits for the thread, which ends at once. */
void seg_worker_join(seg_worker *worker);

/* I/O thread, while there is a thread: the call of the plugin that has lasted longest, of those that are being made; and what keeps
 * the partition from being served. */
const seg_plugin_call *seg_worker_call(const seg_worker *worker);
seg_unserved *seg_worker_unserved(seg_worker *worker);

#endif
