/* secret.h - a secret in a file of its own, such as password_file. Main thread. */
#ifndef SEG_CONFIG_SECRET_H
#define SEG_CONFIG_SECRET_H

#include "config/error.h"

/*
 * Reads the secret that the option `option` (password_file or admin_token_file) keeps in the file at `path`,
 * without the line end. Adds an error if there is none, and a warning if other users may read it. Returns 0
 * and the secret, which the caller wipes and frees; SEG_EINVAL or SEG_ENOMEM, with *secret NULL.
 */
int seg_config_secret_read(seg_config_place place, const char *option, const char *path,
			   seg_config_errors *errors, char **secret);

#endif
