/* compare.h - the differences between two configurations, for a reload. Pure; any thread. */
#ifndef SEG_CONFIG_COMPARE_H
#define SEG_CONFIG_COMPARE_H

#include "config/settings.h"

/* Whether two sections are equal, the options of their plugins included. */
bool seg_config_same_consumer(const seg_config_consumer *a, const seg_config_consumer *b);

/* Whether both start workers in the same way: cpus, idle, handler_timeout. */
bool seg_config_same_workers(const seg_config_runner *a, const seg_config_runner *b);

/*
 * Lists the options that differ and that need a restart of segrunner: "[redis] address, [runner] name"; ""
 * for none. Writes into text[size], cut to fit, and returns text.
 */
char *seg_config_needs_restart(const seg_config *a, const seg_config *b, char *text, size_t size);

#endif
