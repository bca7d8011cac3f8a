/*
 * lane.h - one of the threads that handle messages of one partition at once, with `parallel` above 1.
 *
 *      dispatcher                               lane
 *      ----------   seg_lane_give: a job   ->   handles it, hands over what it made (seg_handoff_complete)
 *                   answered              <-   the job with its answer
 *                   seg_lane_end          ->   closes the partition, and ends
 *
 * A lane has one job at a time. It has a task of its own: its own plugin state, and its own call, which the I/O thread watches. All
 * calls of the plugin are made on the lane's thread, each after a look at the lease.
 */
#ifndef SEG_WORK_LANE_H
#define SEG_WORK_LANE_H

#include <pthread.h>

#include "partition/slots.h"
#include "work/task.h"

/* Messages that are handled together. The thread that has the job owns it. */
typedef struct seg_job {
	/* The dispatcher's, set before the job is given. `messages` and `slots` are those of `items`, in their order. */
	seg_item **items;
	seg_message *messages;
	uint16_t *slots;
	size_t count, room;
	uint32_t attempt; /* of the first message */
	bool alone;       /* its one message may kill the process */

	/* The lane's answer. */
	bool handled;        /* false: the handler was not called, or what it did does not count */
	size_t done;         /* so many messages are done, from the first on */
	seg_outcome outcome; /* of message `done` */
	char *reason;        /* or NULL; freed by the dispatcher, or with the lane */
	int64_t took;        /* ns that the call took */
} seg_job;

typedef struct seg_lane seg_lane;

/* The lanes that have answered and that the dispatcher has not seen yet. */
typedef struct seg_answered {
	_Atomic(seg_lane *) newest;
} seg_answered;

struct seg_lane {
	/* Constant while the thread runs. */
	seg_answered *answered;
	unsigned number; /* from 0 */
	int cpu;         /* to pin the thread to; -1: none */
	pthread_t thread;

	/* The dispatcher's. */
	bool started; /* there is a thread */
	bool is_open; /* and the dispatcher knows that it can have jobs */
	bool busy;    /* it has a job */

	seg_job job;
	seg_completion *completion; /* the lane's: of the job, while there is no memory for more of it */

	/* Written by the dispatcher, read by the lane. */
	_Alignas(64) ck_ec32_t event; /* counted up with each change of these */
	atomic_bool given;            /* the job is the lane's; the lane clears it */
	atomic_bool ends;             /* no further job comes */
	atomic_bool quiet;            /* the runner is to end: no ticks */

	/* Written by the lane, read by the dispatcher. */
	_Alignas(64) seg_lane *next_answered;
	atomic_bool open; /* partition_open has succeeded */
	atomic_bool over; /* the thread's last store but one: it ends */

	seg_task task; /* its call: any thread may look */
};

/* I/O thread. `task` is the partition's. */
void seg_lane_init(seg_lane *lane, const seg_task *task, seg_answered *answered, unsigned number);
void seg_lane_fini(seg_lane *lane);

/* --- dispatcher --- */

/* Starts the thread, pinned to `cpu` unless that is -1. Returns 0 or a positive errno. */
int seg_lane_start(seg_lane *lane, int cpu);

/* Makes room in the job for that many messages. False: out of memory; the room is what it was. */
bool seg_lane_reserve(seg_lane *lane, size_t count);

/* Gives the lane its job. The lane must be open, and not busy. */
void seg_lane_give(seg_lane *lane);

/* The lanes that have answered since the last call, in any order, linked by next_answered; NULL: none. Each job is the dispatcher's again. */
seg_lane *seg_lane_take_answered(seg_answered *answered);

/* Lets the lane end once it has no job. Returns at once. */
void seg_lane_end(seg_lane *lane);

/* No ticks from now on. */
void seg_lane_hush(seg_lane *lane);

/* After `over`: waits for the thread, which ends at once. */
void seg_lane_join(seg_lane *lane);

#endif
