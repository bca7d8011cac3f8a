/*
 * exchange.h - puts another configuration into a running runner: exchanges the sections that changed, and no others.
 * Main thread.
 *
 * A section is known by its stream and group. A section whose options and plugin are as before is not touched. The others
 * are drained: their workers finish their batch and commit. The sections that take their place start at the committed
 * positions, so nothing is lost and nothing is handled twice. They also take over the membership, so no partition moves to
 * another runner or back; a section that is gone leaves its group. Everything that can be checked is checked
 * before the first worker is stopped. If the init of a new plugin refuses, the sections from before start again.
 */
#ifndef SEG_HOST_EXCHANGE_H
#define SEG_HOST_EXCHANGE_H

#include "host/consumers.h"

/* How many sections an exchange has started, ended, and left as they were. */
typedef struct seg_sections_counts {
	size_t started, ended, untouched;
} seg_sections_counts;

/*
 * Returns whether the configuration is in force. If not, all is as it was, and what is wrong is in errors or in the log;
 * or the runner shall end. Afterwards sections refer to `config`, and those left as they were to older configurations.
 */
bool seg_sections_exchange(seg_consumers *consumers, const seg_config *config, seg_config_errors *errors,
			   seg_sections_counts *counts);

/* Whether a section refers to the configuration. */
bool seg_sections_use(const seg_consumers *consumers, const seg_config *config);

#endif
