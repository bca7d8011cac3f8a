/* output_list.h - the value of `outputs`. Any thread. */
#ifndef SEG_CONFIG_OUTPUT_LIST_H
#define SEG_CONFIG_OUTPUT_LIST_H

#include <segmenter/segmenter.h>

/* Makes "a,b" to "a, b", in a new text *list that the caller frees. SEG_EINVAL or SEG_ENOMEM, with *error, which may be NULL. */
int seg_config_output_list(const char *text, char **list, seg_error *error);

#endif
