/*
 * reload.h - another configuration for a runner that works: what has changed is exchanged, all else goes on.
 *
 * Sections are the same that have the same stream and group. One whose options and plugin are as before is not touched.
 * The others are drained (their workers finish their batch, commit, and leave the group), then those that take their
 * place start at the committed positions: so nothing is lost and nothing is handled twice. All that can be wrong is looked
 * for before the first worker is asked to stop, and a plugin whose init refuses puts everything back.
 */
#ifndef SEG_HOST_RELOAD_H
#define SEG_HOST_RELOAD_H

#include "host/consumers.h"

/* Sections that a reload has started, ended, and left as they were. */
typedef struct seg_reload_counts {
	size_t started, ended, untouched;
} seg_reload_counts;

/*
 * Whether the configuration is in force now; if not, all is as it was, and what is wrong is in errors, or logged. False,
 * too, where the runner is to end meanwhile. Sections refer to it from now on, and others to older ones still. Main thread.
 */
bool seg_reload_apply(seg_consumers *consumers, const seg_config *config, seg_config_errors *errors,
		      seg_reload_counts *counts);

/* Whether a section refers to the configuration. */
bool seg_reload_uses(const seg_consumers *consumers, const seg_config *config);

#endif
