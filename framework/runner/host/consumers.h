/*
 * consumers.h - the [consumer] sections of a runner, all together: loaded, started, drained, and left. Main thread.
 */
#ifndef SEG_HOST_CONSUMERS_H
#define SEG_HOST_CONSUMERS_H

#include "admin/admin.h"
#include "work/section.h"

typedef struct seg_consumers {
	/* Set before the first is loaded; what they point to outlives the sections. */
	const char *name; /* of this runner */
	seg_logger logger;
	seg_admin *admin;
	seg_ending ending;
	/* Waits for up to timeout_ms; returns whether the runner shall end. */
	bool (*wait)(void *arg, int timeout_ms);
	void *arg;

	seg_client *client; /* set before they are started */

	/* One for each consumer of the configuration, in its order; those with a member have been started. */
	seg_section **list;
	size_t count;
	bool standby; /* none of them is to have a member */
	atomic_uint next_cpu;
} seg_consumers;

/* A section for each consumer of the configuration. What is wrong is added to errors. */
void seg_consumers_load(seg_consumers *consumers, const seg_config *config, seg_config_errors *errors);

/* None of them has a member. */
void seg_consumers_unload(seg_consumers *consumers);

/*
 * Starts those that have not been started. An exit code: EX_OK also where the runner is to end meanwhile. What was wrong
 * is logged.
 */
int seg_consumers_start(seg_consumers *consumers);

/*
 * Stops the members of these sections, and waits until they have left their groups, or (false) until give_up says so; it
 * is asked each few ms.
 */
bool seg_consumers_stop(seg_consumers *consumers, seg_section *const *sections, size_t count,
			seg_stopping stop, bool (*give_up)(void *arg), void *arg);

/* Calls fini of all plugins whose init was called. None has a member. */
void seg_consumers_fini(seg_consumers *consumers);

/* A line of log for each partition that is owned here. It is written soon after, by the sections' I/O threads. */
void seg_consumers_report(seg_consumers *consumers);

#endif
