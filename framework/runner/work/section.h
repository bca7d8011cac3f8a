/*
 * section.h - one [consumer] section at work: its stream, its plugin, its membership, its workers.
 *
 * The main thread makes, starts and ends it, and calls all functions below but seg_section_hindered.
 */
#ifndef SEG_WORK_SECTION_H
#define SEG_WORK_SECTION_H

#include <stdatomic.h>

#include "config/config.h"
#include "group/member.h"
#include "group/targets.h"
#include "plugin/plugin.h"
#include "work/ending.h"
#include "work/workers.h"

typedef struct seg_section {
	/* Set by the owner: the first two before seg_section_load, the others before seg_section_start. */
	const seg_config_consumer *config;
	const seg_config_runner *runner;
	seg_ending *ending;
	atomic_uint *next_cpu; /* counts through runner->cpus; shared by all sections */

	/* Of the ended member whose successor the next one is; "": it has none. */
	char incarnation[33];

	seg_plugin *plugin;
	seg_plugin_instance *instance;
	seg_stream *stream;
	seg_targets targets;
	seg_member *member;
	seg_workers workers;

	/* Any thread may read these. */
	atomic_bool stuck; /* a call of the plugin has exceeded handler_timeout, or ended its thread */
	seg_section_counters counters;
	seg_hindered hindered; /* through seg_section_hindered */

	unsigned long long
		rounds_seen; /* the main thread's: rounds of the member's I/O thread, at the last look */
} seg_section;

/*
 * Loads the section's plugin and checks the plugin's options. Of the plugin, only what dlopen runs and `check` are executed. Problems
 * are added to errors; then the section has no instance. `name` is this runner's.
 */
void seg_section_load(seg_section *section, const char *name, seg_logger logger, seg_config_errors *errors);

/* Undoes seg_section_load, also where that failed. */
void seg_section_unload(seg_section *section);

/*
 * Opens the stream and those of `outputs`, or registers them, unless they are open already. seg_section_fini closes it. Returns 0, or a status with an
 * error that names the section.
 */
int seg_section_open(seg_section *section, seg_client *client, seg_error *error);

/*
 * Opens the stream and joins the group as `name`. The instance must be initialised. Returns 0, or a status with an error
 * that names the section; then call seg_section_fini.
 */
int seg_section_start(seg_section *section, seg_client *client, const char *name, seg_error *error);

/* Undoes seg_section_open and seg_section_start, after the member's thread has ended. */
void seg_section_fini(seg_section *section);

/*
 * How many partitions something of that kind hinders; if there are any, the lowest of them, and what it is. Any thread, between
 * seg_section_start and seg_section_fini.
 */
unsigned seg_section_hindered(const seg_section *section, seg_hindrance_kind kind, seg_hindered_entry *entry);

#endif
