#include "work/lane_starter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"

/* Between two tries to start a lane's thread. Other lanes work meanwhile. */
#define START_PAUSE (100 * SEG_MS)
#define START_PAUSE_CAP (5 * SEG_SECOND)

void seg_lane_starter_init(seg_lane_starter *s, seg_task *task, seg_lane *lanes, unsigned count)
{
	*s = (seg_lane_starter){.task = task, .lanes = lanes, .lane_count = count};
}

static int pick_cpu(const seg_task_setup *setup)
{
	const seg_config_cpus *cpus = setup->cpus;
	if (!cpus || cpus->count == 0)
		return -1;
	return cpus->list[atomic_fetch_add(setup->next_cpu, 1) % cpus->count];
}

/* The first lane is needed. With some, the partition goes on, only slower. */
static void start_failed(seg_lane_starter *s, unsigned started, int failure)
{
	seg_task *task = s->task;
	char reason[200];
	s->at = seg_now() + seg_backoff(START_PAUSE, START_PAUSE_CAP, ++s->failures);
	snprintf(reason, sizeof(reason),
		 "cannot start thread %u of %u of a partition (parallel): %s%s; a lower parallel needs fewer",
		 started + 1, s->lane_count, strerror(failure), seg_thread_limit_advice(failure));
	if (started == 0) {
		seg_unserved_note(&task->unserved, SEG_SHORTAGE_THREADS, reason);
		seg_waker_kick(task->handoff->waker);
	} else if (s->failures == 1) {
		seg_log(&task->logger, SEG_LOG_WARNING, "going on with fewer threads for now: %s", reason);
	}
}

void seg_lane_starter_step(seg_lane_starter *s)
{
	seg_task *task = s->task;
	unsigned started = atomic_load_explicit(&s->started, memory_order_relaxed);
	if (started == s->lane_count || seg_now() < s->at)
		return;
	for (; started < s->lane_count; started++) {
		int failure = seg_lane_start(&s->lanes[started], pick_cpu(task->setup));
		if (failure) {
			start_failed(s, started, failure);
			return;
		}
		atomic_store_explicit(&s->started, started + 1, memory_order_release);
		seg_unserved_end(&task->unserved);
	}
	if (s->failures > 0)
		seg_log(&task->logger, SEG_LOG_INFO, "all %u threads of the partition run", s->lane_count);
	s->failures = 0;
}

int64_t seg_lane_starter_due(const seg_lane_starter *s)
{
	return s->failures > 0 ? s->at : SEG_NEVER;
}

unsigned seg_lane_starter_started(const seg_lane_starter *s)
{
	return atomic_load_explicit(&s->started, memory_order_acquire);
}
