/* outputs.h - options that name one of the section's outputs, and messages that pass to an output as they are. */
#ifndef PLUGINS_OUTPUTS_H
#define PLUGINS_OUTPUTS_H

#include <stdio.h>
#include <string.h>

#include <segmenter/handler.h>

/* Returns 0 if this segrunner has outputs and state, and -1 with one line in error if it is too old. */
static inline int outputs_check_host(const seg_host *host, char *error, size_t error_size)
{
	if (SEG_HOST_HAS(host, parallel))
		return 0;
	snprintf(error, error_size,
		 "this segrunner has no outputs and no state: it is older than the plugin; install the "
		 "segrunner that the plugin came with");
	return -1;
}

/* Returns 0 if `output` is one of the section's outputs, and -1 with one line in error if not. option: what names it. */
static inline int outputs_check(const seg_host *host, const char *option, const char *output, char *error,
				size_t error_size)
{
	for (const char *const *o = host->outputs; *o; o++)
		if (strcmp(*o, output) == 0)
			return 0;
	snprintf(error, error_size,
		 "option.%s names %.200s, which is not one of the section's outputs; add it to `outputs`, or "
		 "correct the name",
		 option, output);
	return -1;
}

/*
 * The output that the option names; without the option, the first of the section's outputs. Returns 0, or -1 with one line in
 * error.
 */
static inline int outputs_option(const char **output, const seg_host *host, const char *option, char *error,
				 size_t error_size)
{
	*output = host->option(host, option);
	if (*output)
		return outputs_check(host, option, *output, error, error_size);
	*output = host->outputs[0];
	if (*output)
		return 0;
	snprintf(error, error_size,
		 "the section has no outputs; write outputs = NAME, the stream for what "
		 "the plugin passes on");
	return -1;
}

/* Emits message `index` as it is. NULL, or why that was refused. */
static inline const char *outputs_forward(const seg_batch *batch, size_t index, const char *output)
{
	const seg_message *m = &batch->messages[index];
	seg_output copy = {.stream = output,
			   .key = m->key,
			   .key_length = m->key_length,
			   .data = m->data,
			   .data_length = m->data_length,
			   .headers = m->headers,
			   .header_count = m->header_count};
	return seg_emit(batch, index, &copy);
}

#endif
