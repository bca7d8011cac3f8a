/* load.h - reads a configuration file, checks it, and frees it. Main thread. */
#ifndef SEG_CONFIG_LOAD_H
#define SEG_CONFIG_LOAD_H

#include <stddef.h>

#include "config/error.h"
#include "config/settings.h"

/*
 * Reads the file and all it includes, and checks everything that can be checked without Redis and without
 * loading a plugin. Returns 0 and the config, which the caller frees; or, with *config NULL, SEG_EINVAL with
 * at least one error that is no warning, SEG_ENOTFOUND where the file itself cannot be read (one error says
 * why), or SEG_ENOMEM. Warnings come with both. Reads the environment (`${NAME}`), so no other thread may be
 * changing it.
 */
int seg_config_load(const char *path, seg_config **config, seg_config_errors *errors);

/* The same from memory; `name` stands for the file in messages, and relative paths start at its directory. */
int seg_config_load_text(const char *name, const char *text, size_t length, seg_config **config,
			 seg_config_errors *errors);

/* NULL is allowed. Passwords are wiped first. */
void seg_config_free(seg_config *config);

#endif
