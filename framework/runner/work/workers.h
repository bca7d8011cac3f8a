/*
 * workers.h - the workers of one section, one for each owned partition.
 *
 * The member's I/O thread starts, watches and joins them through its hooks. A plugin that does not return, or that answers
 * "stop", ends the runner.
 */
#ifndef SEG_WORK_WORKERS_H
#define SEG_WORK_WORKERS_H

#include <stdatomic.h>

#include "config/config.h"
#include "group/member.h"
#include "work/ending.h"
#include "work/worker.h"

typedef struct seg_workers {
	/* Constant while the member runs. */
	seg_task_setup setup;
	seg_worker *list;        /* one for each partition of the stream */
	int64_t handler_timeout; /* ns that one call of the plugin may take; 0: no limit */
	const seg_config_cpus *cpus;
	atomic_uint *next_cpu; /* shared by all sections */
	seg_ending *ending;
	seg_logger logger;

	/* Set by the I/O thread once a call has exceeded handler_timeout, or ended its thread. */
	atomic_bool *stuck;
} seg_workers;

/*
 * Makes room for `partitions` workers, and completes workers->setup with what is to be called when the plugin stops. 0 or
 * SEG_ENOMEM.
 */
int seg_workers_init(seg_workers *workers, uint32_t partitions);

/* After the member's thread has ended. Also when nothing was initialised. */
void seg_workers_fini(seg_workers *workers);

/* What the member calls; workers must outlive its thread. */
seg_member_hooks seg_workers_hooks(seg_workers *workers);

#endif
