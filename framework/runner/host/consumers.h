/*
 * consumers.h - all [consumer] sections of a runner: loads, starts, drains and unloads them. Main thread.
 */
#ifndef SEG_HOST_CONSUMERS_H
#define SEG_HOST_CONSUMERS_H

#include "admin/admin.h"
#include "host/wait.h"
#include "work/section.h"

/* A section whose stream an errand opens. */
typedef struct seg_section_opening {
	seg_errand errand;
	seg_section *section; /* NULL: none is being opened */
	seg_client *client;
	int status;
	seg_error error;
} seg_section_opening;

typedef struct seg_consumers {
	/* Set before the first section is loaded. They outlive the sections. */
	const char *name; /* of this runner */
	seg_logger logger;
	seg_admin *admin;
	seg_wait *wait;

	seg_client *client; /* set before the first section is started */

	/* One for each consumer of the configuration, in its order. A section that was started has a member. */
	seg_section **list;
	size_t count;
	bool standby; /* no section shall have a member */
	atomic_uint next_cpu;
	seg_section_opening opening; /* its errand may be left behind, with the section */
} seg_consumers;

/* Makes a section for each consumer of the configuration, and loads its plugin. Adds what is wrong to errors. */
void seg_consumers_load(seg_consumers *consumers, const seg_config *config, seg_config_errors *errors);

/* No section has a member. */
void seg_consumers_unload(seg_consumers *consumers);

/*
 * Opens the section's stream, while the main thread hears signals. 0, or a status with an error. SEG_ETIMEOUT also where
 * the runner shall end first: then the errand is left behind (seg_wait.left_errand).
 */
int seg_consumers_open(seg_consumers *consumers, seg_section *section, seg_error *error);

/*
 * Starts all sections without a member; waits as long as Redis is away. Logs what is wrong. Returns an exit code: EX_OK
 * also where the runner shall end first.
 */
int seg_consumers_start(seg_consumers *consumers);

/*
 * Stops the members of these sections. Returns true once they have left their groups, or false as soon as give_up says
 * so; it is asked every few ms.
 */
bool seg_consumers_stop(seg_consumers *consumers, seg_section *const *sections, size_t count,
			seg_stopping stop, bool (*give_up)(void *arg), void *arg);

/*
 * Pauses the members of these sections (seg_member_pause). True once all are drained; false where the runner shall end first:
 * they still are members then, and can be stopped.
 */
bool seg_consumers_pause(seg_consumers *consumers, seg_section *const *sections, size_t count);

/* Ends the paused member of `section`. `successor`, which may be the section itself, continues its membership when it starts. */
void seg_consumers_hand_over(seg_consumers *consumers, seg_section *section, seg_section *successor);

/* Whether some handlers are past handler_timeout, and no other worker runs any more: no stop can end them. */
bool seg_consumers_only_stuck(const seg_consumers *consumers);

/* Calls fini of each plugin whose init was called. No section has a member. */
void seg_consumers_fini(seg_consumers *consumers);

/* Logs each section now, and each partition that it owns a little later, from the section's I/O thread. */
void seg_consumers_report(seg_consumers *consumers);

#endif
