/* fuzz_answer.c - what a child of the plugin exec answers: parsed and applied, it neither crashes nor changes anything half. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/exec/answer.c"
#include "../../plugins/exec/effects.c"

static const char *emit(const seg_batch *batch, size_t index, const seg_output *output)
{
	(void)batch;
	(void)index;
	/* Reads all that the record points to. */
	char copy[64];
	size_t n = output->data_length < sizeof(copy) ? output->data_length : sizeof(copy);
	if (n)
		memcpy(copy, (const char *)output->data + output->data_length - n, n);
	for (size_t i = 0; i < output->header_count; i++)
		if (output->headers[i].value_length > SIZE_MAX / 2)
			abort();
	return strlen(output->stream) > 8 ? "no such stream" : NULL;
}

static const void *state_get(const seg_batch *batch, size_t index, const void *name, size_t name_length,
			     size_t *value_length)
{
	(void)batch;
	(void)index;
	(void)name;
	(void)name_length;
	*value_length = 0;
	return NULL;
}

static const char *state_put(const seg_batch *batch, size_t index, const void *name, size_t name_length,
			     const void *value, size_t value_length)
{
	(void)batch;
	(void)index;
	(void)name;
	(void)value;
	return name_length == 0 || value_length > SEG_STATE_VALUE_MAX ? "no" : NULL;
}

static void state_each(const seg_batch *batch, size_t index, seg_state_visit visit, void *arg)
{
	(void)batch;
	(void)index;
	(void)visit;
	(void)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const seg_batch_calls calls = {sizeof(calls), 0, emit, state_get, state_put, state_each};
	const seg_batch batch = {.count = 1, .calls = &calls};
	char error[256] = "";
	buffer scratch = {0};
	exec_answer answer = {.id = {1000, 1}};
	int result = answer_parse(&answer, (const char *)bytes, length, error, sizeof(error));
	if ((result != 0) != (error[0] != '\0'))
		abort();
	if (result == 0 && answer.effects)
		effects_apply(answer.effects, &batch, 0, &scratch);
	answer_fini(&answer);
	buffer_fini(&scratch);
	return 0;
}
