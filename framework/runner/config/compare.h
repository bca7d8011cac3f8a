/* compare.h - what differs between two configurations, for a reload. Pure. */
#ifndef SEG_CONFIG_COMPARE_H
#define SEG_CONFIG_COMPARE_H

#include "config/settings.h"

/* Whether the sections say the same, options of the plugin included. */
bool seg_config_same_consumer(const seg_config_consumer *a, const seg_config_consumer *b);

/* Whether workers would be started alike: cpus, idle and the like. */
bool seg_config_same_workers(const seg_config_runner *a, const seg_config_runner *b);

/*
 * The options that differ and are only read when segrunner starts, as "[redis] address, [runner] name"; "" for none.
 * Writes into text[size], cut where it does not fit, and returns text.
 */
char *seg_config_needs_restart(const seg_config *a, const seg_config *b, char *text, size_t size);

#endif
