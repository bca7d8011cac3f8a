/* cpus.h - the value of `cpus`: "0-3,6", auto or none. Main thread. */
#ifndef SEG_CONFIG_CPUS_H
#define SEG_CONFIG_CPUS_H

#include "config/settings.h"

/*
 * Parses a list of CPUs that this process may use, "auto" or "none" into *cpus, and frees the old list.
 * Returns 0, SEG_EINVAL with what was expected in error->text, SEG_ENOMEM, or SEG_ESYSTEM if the CPUs of this
 * process cannot be read.
 */
int seg_config_cpus_parse(const char *text, seg_config_cpus *cpus, seg_error *error);

/* "0-3,6" or "none". The caller frees the text; NULL if memory ran out. */
char *seg_config_cpus_format(const seg_config_cpus *cpus);

#endif
