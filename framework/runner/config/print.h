/* print.h - a loaded configuration as an INI file, without its secrets. Any thread. */
#ifndef SEG_CONFIG_PRINT_H
#define SEG_CONFIG_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "config/settings.h"

/* Whether the plugin's option of that name is a secret as a whole. */
typedef bool seg_config_hides(void *arg, const seg_config_consumer *consumer, const char *option);

/*
 * Writes the values in force, defaults included, as an INI file. Secrets are written as "***": passwords, those in URLs and
 * connection strings (base/redact.h), and plugin options that `hides` calls secret, or whose names suggest a secret
 * (password, secret, token, credential, ..._key). hides NULL: only the names decide.
 */
void seg_config_print(const seg_config *config, seg_config_hides *hides, void *arg, FILE *out);

/* Whether a plugin option of that name is likely a secret: password, secret, token and the like. */
bool seg_config_is_secret(const char *name);

#endif
