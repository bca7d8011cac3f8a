/*
 * section.h - one [consumer] section at work: its stream, its plugin, its membership, its workers.
 *
 * Made and ended by the main thread. The workers are started and joined by the member's I/O thread, through the
 * hooks; what a section asks of the runner goes through its signal.
 */
#ifndef SEG_WORK_SECTION_H
#define SEG_WORK_SECTION_H

#include <stdatomic.h>

#include "group/member.h"
#include "config/config.h"
#include "plugin/plugin.h"
#include "work/worker.h"

/* How sections tell the main thread that the runner must end; the first one to do so decides how. */
typedef struct seg_ending {
	int fd;               /* eventfd: readable once it was asked for */
	atomic_int exit_code; /* sysexits(3); -1: not asked for */
} seg_ending;

/* Any thread. */
void seg_ending_request(seg_ending *ending, int exit_code);

typedef struct seg_section {
	const seg_config_consumer *config;
	const seg_config_runner *runner;
	seg_plugin *plugin;
	seg_plugin_instance *instance;
	seg_ending *ending;
	seg_logger logger;

	seg_stream *stream;
	seg_member *member;
	seg_worker_setup setup;
	seg_worker *workers;   /* one for each partition */
	atomic_uint *next_cpu; /* of all sections */
	atomic_bool stuck;     /* a handler ran past handler_timeout */
	seg_section_counters counters;
	seg_retrying retrying;

	unsigned long long rounds_seen; /* the main thread's: of the member's I/O thread, at the last look */
} seg_section;

/*
 * Loads the section's plugin and checks its options, calling nothing of it but what dlopen runs. What is wrong is
 * added to errors; then the section has no instance. `name` is this runner's.
 */
void seg_section_load(seg_section *section, const char *name, seg_logger logger, seg_config_errors *errors);
void seg_section_unload(seg_section *section);

/*
 * Opens (or registers) the stream, unless it is open; seg_section_fini closes it. 0, or a status with an error that names the
 * section.
 */
int seg_section_open(seg_section *section, seg_client *client, seg_error *error);

/*
 * Opens the stream, and joins the group. The instance must be initialised. 0, or a status with an error that
 * names the section.
 */
int seg_section_start(seg_section *section, seg_client *client, const char *name, seg_error *error);

/*
 * Whether a partition's next message has failed and is being retried: the lowest such partition, and why its message
 * failed last. Any thread, between seg_section_start and seg_section_fini.
 */
bool seg_section_retrying(const seg_section *section, uint32_t *partition,
			  char reason[SEG_RETRYING_REASON_MAX]);

/* After the member's thread has ended. */
void seg_section_fini(seg_section *section);

#endif
