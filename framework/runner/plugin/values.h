/*
 * values.h - the values that one section gives to the options of its plugin. Main thread; after _take, any
 * thread reads.
 */
#ifndef SEG_PLUGIN_VALUES_H
#define SEG_PLUGIN_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include <segmenter/handler.h>

#include "config/error.h"
#include "config/settings.h"

typedef struct seg_plugin_values {
	const seg_handler *handler; /* borrowed; declares the options */
	char **list;                /* one for each declared option; NULL: no value */
	struct seg_plugin_stamp
		*stamps; /* one for each: of the file's content, if that belongs to the value */
	size_t count;
} seg_plugin_values;

/*
 * Takes the section's values, and the defaults of the other options, into *values, which is zeroed. Adds an
 * error for each mistake, with its file and line. Returns 0, SEG_EINVAL or SEG_ENOMEM; seg_plugin_values_fini
 * frees the values in any case.
 */
int seg_plugin_values_take(seg_plugin_values *values, const seg_handler *handler,
			   const seg_config_consumer *consumer, seg_config_errors *errors);

void seg_plugin_values_fini(seg_plugin_values *values);

/* Whether the content of a file that belongs to a value (SEG_OPTION_CONTENT) has changed since _take. Main thread. */
bool seg_plugin_values_changed(const seg_plugin_values *values);

/* The value of a declared option, or NULL. */
const char *seg_plugin_values_get(const seg_plugin_values *values, const seg_option *option);

#endif
