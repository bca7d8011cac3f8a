/* expand.h - environment variables in values. Reads the environment: main thread. */
#ifndef SEG_CONFIG_EXPAND_H
#define SEG_CONFIG_EXPAND_H

#include <segmenter/segmenter.h>

/*
 * Replaces ${NAME} by the variable's value, ${NAME:-text} by the text if it is unset or empty (the text
 * itself is taken literally), and $$ by a $. What a variable holds is not looked at again. 0 and a text that
 * the caller frees, SEG_EINVAL with what is wrong in error->text (never a value), or SEG_ENOMEM.
 */
int seg_config_expand(const char *text, char **expanded, seg_error *error);

#endif
