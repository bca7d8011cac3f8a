/* print.h - a loaded configuration as an INI file, without its secrets. Any thread. */
#ifndef SEG_CONFIG_PRINT_H
#define SEG_CONFIG_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "config/settings.h"

/*
 * Writes the values in force, defaults included, as an INI file. Secrets are written as "***": passwords,
 * passwords in URLs, and plugin options whose names suggest a secret (password, secret, token, credential,
 * ..._key).
 */
void seg_config_print(const seg_config *config, FILE *out);

/* Whether a plugin option of that name is likely a secret: password, secret, token and the like. */
bool seg_config_is_secret(const char *name);

#endif
