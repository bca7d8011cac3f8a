/* cpus.h - the value of `cpus`: "0-3,6", auto or none. Main thread. */
#ifndef SEG_CONFIG_CPUS_H
#define SEG_CONFIG_CPUS_H

#include "config/settings.h"

/*
 * Parses a list, which must name CPUs that this process may use, into *cpus, whose list is freed first. 0,
 * SEG_EINVAL with what was expected, SEG_ENOMEM, or SEG_ESYSTEM.
 */
int seg_config_cpus_parse(const char *text, seg_config_cpus *cpus, seg_error *error);

/* "0-3,6", or "none". The caller frees it; NULL when memory ran out. */
char *seg_config_cpus_format(const seg_config_cpus *cpus);

#endif
