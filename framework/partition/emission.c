#include "partition/emission.h"

#include <string.h>

#include "stream/record.h"

int seg_emission_target(const char *const *outputs, const char *stream)
{
	for (int i = 0; outputs && outputs[i]; i++)
		if (strcmp(outputs[i], stream) == 0)
			return i;
	return -1;
}

int seg_emission_check(const seg_output *output, uint64_t record_bytes, size_t *bytes, seg_error *error)
{
	const seg_record record = {.key = output->key,
				   .key_length = output->key_length,
				   .data = output->data,
				   .data_length = output->data_length,
				   .headers = output->headers,
				   .header_count = output->header_count};
	int status = seg_record_check(&record, record_bytes, error);
	if (status == 0)
		*bytes = sizeof(seg_emission) + seg_record_bytes(&record) +
			 output->header_count * sizeof(seg_header);
	return status;
}

/* Copies the record into the completion. False: out of memory. */
static bool copy_record(seg_completion *c, seg_output *copy, const seg_output *output)
{
	seg_header *headers = NULL;
	*copy = *output;
	copy->key = seg_completion_copy(c, output->key, output->key_length);
	copy->data = seg_completion_copy(c, output->data, output->data_length);
	if (output->header_count) {
		headers = seg_completion_copy(c, output->headers,
					      output->header_count * sizeof(*output->headers));
		if (!headers)
			return false;
	}
	copy->headers = headers;
	for (size_t i = 0; i < output->header_count; i++) {
		headers[i].name = seg_completion_copy(c, headers[i].name, headers[i].name_length);
		headers[i].value = seg_completion_copy(c, headers[i].value, headers[i].value_length);
		if (!headers[i].name || !headers[i].value)
			return false;
	}
	return copy->key && copy->data;
}

bool seg_emission_add(seg_completion *c, const seg_emission *head)
{
	seg_output copy;
	seg_emission *emission = copy_record(c, &copy, &head->output) ? seg_completion_add_emission(c) : NULL;
	if (!emission)
		return false;
	*emission = (seg_emission){.completion = c,
				   .source = head->source,
				   .number = head->number,
				   .slot = head->slot,
				   .target = head->target,
				   .output = copy};
	return true;
}
