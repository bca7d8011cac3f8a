/* expand.h - environment variables in values. Reads the environment: main thread. */
#ifndef SEG_CONFIG_EXPAND_H
#define SEG_CONFIG_EXPAND_H

#include <segmenter/segmenter.h>

/*
 * Replaces ${NAME} by the variable's value, ${NAME:-text} by the literal text if the variable is unset or
 * empty, and $$ by a $. A $ in a variable's value has no meaning. Returns 0 and a text that the caller frees,
 * SEG_EINVAL with the mistake in error->text (which never quotes a value), or SEG_ENOMEM.
 */
int seg_config_expand(const char *text, char **expanded, seg_error *error);

#endif
