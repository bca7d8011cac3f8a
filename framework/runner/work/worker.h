/*
 * worker.h - the thread that handles one owned partition with a plugin.
 *
 * Started by the member's I/O thread when the partition has been claimed, told to stop through the handoff, and joined by
 * the I/O thread after it said that it has stopped. Everything the plugin does for a partition happens on it.
 */
#ifndef SEG_WORK_WORKER_H
#define SEG_WORK_WORKER_H

#include <pthread.h>

#include <segmenter/handler.h>

#include "group/partition.h"
#include "plugin/call.h"
#include "work/retry.h"
#include "work/retrying.h"
#include "work/section_counters.h"

/* What the workers of one [consumer] section share. Constant while they run. */
typedef struct seg_worker_setup {
	const seg_handler *handler;
	void *plugin; /* what its init returned */
	seg_codec codec;
	seg_retry_policy retry;
	int64_t tick; /* ns */
	seg_idle idle;
	uint32_t isolate; /* messages that may have been in flight when an owner died */
	/* Called on the worker's thread when the plugin answered "stop", or ended the thread. */
	void (*stop)(void *arg, const char *reason);
	void *arg;
	seg_section_counters *counters;
	seg_retrying *retrying;
} seg_worker_setup;

typedef struct seg_worker {
	const seg_worker_setup *setup;
	seg_partition *partition;
	pthread_t thread;
	int cpu; /* to pin to, or -1 */

	/* The worker's. */
	void *state; /* the plugin's, for this partition */
	bool opened;
	int64_t tick_at;
	uint32_t attempt;       /* of the next message */
	uint64_t handled;       /* messages of this ownership, as far as they are counted */
	uint64_t isolate_until; /* messages before this one are handed over alone */

	seg_retrying_entry retrying;

	/* What the plugin is doing; any thread may look. */
	seg_plugin_call call;
} seg_worker;

/* 0, or a positive errno. The partition's user pointer must lead to the worker. */
int seg_worker_start(seg_worker *worker, const seg_worker_setup *setup, seg_partition *partition, int cpu);

/* After seg_handoff_stopped: waits for the thread, which ends at once. */
void seg_worker_join(seg_worker *worker);

#endif
