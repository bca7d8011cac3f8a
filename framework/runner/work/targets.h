/*
 * targets.h - the streams of a section's `outputs`: opens or registers them, and notes in Redis where they get messages from.
 *
 * Redis knows for each stream its sources (`{__<ns>:<stream>}:sources`), and for each group where it emits to
 * (`{__<ns>:<stream>}:<group>:outputs`): lua/README.md. So segctl can show both, a group that is deleted takes with it what its
 * targets know of it, and streams that feed each other in a circle are refused, whichever files they are in.
 */
#ifndef SEG_WORK_TARGETS_H
#define SEG_WORK_TARGETS_H

#include "config/config.h"

typedef struct seg_targets {
	seg_stream **streams; /* in the order of `outputs` */
	size_t count;
} seg_targets;

/*
 * Opens all that are not open yet. 0, or a status with an error that names the section; what is open then stays open. Blocks
 * while Redis is asked. One thread.
 */
int seg_targets_open(seg_targets *targets, seg_client *client, const seg_config_consumer *config,
		     seg_error *error);

/* Closes them. */
void seg_targets_close(seg_targets *targets);

#endif
