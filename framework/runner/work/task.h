/*
 * task.h - the handling of one owned partition, from the worker's start to its end.
 *
 * A task copies what it needs of the partition when it is initialised, on the I/O thread. From then on it touches only the
 * partition's handoff: the rest of the partition belongs to the I/O thread.
 */
#ifndef SEG_WORK_TASK_H
#define SEG_WORK_TASK_H

#include <segmenter/handler.h>

#include "config/settings.h"
#include "group/partition.h"
#include "partition/beyond.h"
#include "partition/effects.h"
#include "plugin/call.h"
#include "work/retry_policy.h"
#include "work/hindered.h"
#include "work/section_counters.h"
#include "work/unserved.h"
#include "work/turn.h"

/* What all tasks of one [consumer] section share. Constant while they run. */
typedef struct seg_task_setup {
	const seg_handler *handler;
	void *plugin; /* what the handler's init stored */
	seg_codec codec;
	seg_retry_policy retry;
	int64_t tick; /* ns between two ticks */
	seg_idle idle;
	seg_effects_setup effects;
	uint64_t
		pending_bytes; /* of outputs and changes that wait for Redis, beyond which no handler is called */
	uint32_t
		isolate; /* messages that may have been in flight when an owner died nearby; over a distance, further deaths find the rest */
	/* Of lanes: */
	uint32_t parallel;        /* 1: there are none */
	uint32_t batch_size;      /* the most messages that a handler gets at once */
	uint64_t in_flight_bytes; /* the most bytes of messages that are parked */
	const seg_config_cpus *cpus;
	atomic_uint *next_cpu;
	/*
	 * Called on the worker's thread when the plugin answered "stop", at a message, or ended the thread. `at` may be NULL. The
	 * logger names the partition.
	 */
	void (*stop)(void *arg, const seg_logger *logger, const seg_id *at, const char *reason);
	void *arg;
	seg_section_counters *counters;
	seg_hindered *hindered;
} seg_task_setup;

typedef struct seg_task {
	/* Constant. */
	const seg_task_setup *setup;
	seg_handoff *handoff;
	seg_logger logger; /* names partition and epoch */
	uint32_t partition;
	uint64_t epoch;
	uint64_t isolate_until; /* messages before this one are handled one at a time */
	seg_id suspect;         /* the message that was marked last, and the deaths that count against it */
	uint32_t suspect_deaths;
	uint32_t deaths;          /* those that count against each other message that is handled alone */
	uint32_t read_deaths;     /* those that count against an entry that killed its readers */
	const seg_beyond *beyond; /* what earlier owners have done beyond the position */
	bool of_lane;             /* the task is a lane's: its dispatcher keeps the books */

	/* The worker's. */
	void *state; /* what partition_open stored */
	seg_effects effects;
	int64_t tick_at;  /* seg_now() at which the next tick is due */
	uint32_t attempt; /* of the next message: 1, 2, ... */
	uint64_t handled; /* messages of this ownership that are done, as far as they are counted */
	seg_hindered_entry retrying;
	seg_turn turn;

	seg_unserved unserved; /* the worker notes it, the I/O thread reports it */

	/* The call of the plugin that is being made. Any thread may look. */
	seg_plugin_call call;
} seg_task;

/* I/O thread. Setup and handoff must outlive the task. */
void seg_task_init(seg_task *task, const seg_task_setup *setup, seg_partition *partition);

/* The task of one of its lanes. I/O thread. */
void seg_task_init_lane(seg_task *lane, const seg_task *task);

/* I/O thread, after the worker has ended. */
void seg_task_fini(seg_task *task);

/* --- worker ----------------------------------------------------------------------------- */

/*
 * A call of handle, which began with the first message not counted as done, has answered: the messages up to `count` of `fetched` are
 * done. Hands over what they emitted and changed, undoes what later ones did, and counts them as done. False: out of memory, nothing
 * has happened.
 */
bool seg_task_settle(seg_task *task, const seg_fetched *fetched, size_t count);

/* The first `count` messages of `fetched` are done: handled, or dead-lettered. */
void seg_task_handled(seg_task *task, const seg_fetched *fetched, size_t count);

/* The next message, `id`, failed, and will be tried once more: counts the attempt, and lets others see the reason. next_at: seg_now() of it. */
void seg_task_count_retry(seg_task *task, seg_id id, const char *reason, int64_t next_at);

/* The next message has not failed yet; or there is none, because the worker ends. */
void seg_task_end_retries(seg_task *task);

/* With lanes: lets others see that message `id` waits for attempt number `attempt`, until seg_task_end_retries. */
void seg_task_show_retry(seg_task *task, seg_id id, uint32_t attempt, const char *reason, int64_t next_at);

#endif
