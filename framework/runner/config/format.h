/* format.h - an option's range and value as texts. Any thread. */
#ifndef SEG_CONFIG_FORMAT_H
#define SEG_CONFIG_FORMAT_H

#include "config/options.h"

/*
 * The values that the option takes: "1ms to 10min", "park, yield or spin", "a path". Writes into and returns
 * text[size].
 */
char *seg_config_row_range(const seg_config_row *row, char *text, size_t size);

/*
 * The field's value as a configuration file would hold it; a secret as "***". NULL if the option has no value
 * or memory ran out. The caller frees the text.
 */
char *seg_config_row_value(const seg_config_row *row, const void *base);

#endif
