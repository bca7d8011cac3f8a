/* output_list.h - the value of `outputs`. Any thread. */
#ifndef SEG_CONFIG_OUTPUT_LIST_H
#define SEG_CONFIG_OUTPUT_LIST_H

#include <segmenter/segmenter.h>

/* Most streams in the list. */
enum { SEG_CONFIG_OUTPUTS_MAX = 64 };

/* The list "a,b" as "a, b", in a new text; NULL, with SEG_EINVAL or SEG_ENOMEM in *error, which must not be NULL. */
char *seg_config_output_list(const char *text, seg_error *error);

#endif
