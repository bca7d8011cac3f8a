/* load.h - reads a configuration file, checks it, and frees it. Main thread. */
#ifndef SEG_CONFIG_LOAD_H
#define SEG_CONFIG_LOAD_H

#include <stddef.h>

#include "config/error.h"
#include "config/settings.h"

/*
 * Reads the file and the files that it includes, and checks everything that needs neither Redis nor a plugin.
 * Returns 0 and the config, which the caller frees; or, with *config NULL, SEG_EINVAL with at least one error
 * added, SEG_ENOTFOUND with one error if the file itself cannot be read, or SEG_ENOMEM. May add warnings in
 * any case. Reads the environment (`${NAME}`), so no other thread may change it meanwhile.
 */
int seg_config_load(const char *path, seg_config **config, seg_config_errors *errors);

/*
 * The same for a check of all: with SEG_EINVAL, *config is what could be read. Texts that are required may be NULL, and values out of
 * range.
 */
int seg_config_load_for_check(const char *path, seg_config **config, seg_config_errors *errors);

/*
 * The same for a program that asks only where Redis is, such as segctl: opens no file that holds a secret, a certificate or a key. Such a
 * file may be for the runner's eyes only, and the program may have a login of its own.
 */
int seg_config_load_for_client(const char *path, seg_config **config, seg_config_errors *errors);

/* The same as seg_config_load for a text in memory. Errors name `name` as the file, and relative paths start at its directory. */
int seg_config_load_text(const char *name, const char *text, size_t length, seg_config **config,
			 seg_config_errors *errors);

/* Wipes the passwords, and frees the config. NULL is allowed. */
void seg_config_free(seg_config *config);

#endif
