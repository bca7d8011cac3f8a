#include "stream/record.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

size_t seg_record_bytes(const seg_record *record)
{
	size_t bytes;
	bool wrapped = __builtin_add_overflow(record->key_length, record->data_length, &bytes);
	for (size_t i = 0; i < record->header_count; i++) {
		const seg_header *header = &record->headers[i];
		wrapped |= __builtin_add_overflow(bytes, header->name_length, &bytes);
		wrapped |= __builtin_add_overflow(bytes, header->value_length, &bytes);
	}
	return wrapped ? SIZE_MAX : bytes;
}

static bool is_name(const seg_header *header, const char *name)
{
	size_t length = strlen(name);
	return header->name_length == length && memcmp(header->name, name, length) == 0;
}

static int check_header(const seg_header *header, size_t i, seg_error *error)
{
	if (!header->name || header->name_length == 0)
		return seg_fail(error, SEG_EINVAL, "header %zu of the record has no name; give it one",
				i + 1);
	if (!header->value && header->value_length > 0)
		return seg_fail(error, SEG_EINVAL, "header %zu of the record has a length but no value",
				i + 1);
	if (is_name(header, SEG_FIELD_KEY) || is_name(header, SEG_FIELD_DATA))
		return seg_fail(
			error, SEG_EINVAL,
			"header %zu of the record has the name \"%.*s\" of one of the record's own fields; "
			"rename the header",
			i + 1, (int)header->name_length, header->name);
	return 0;
}

int seg_record_check(const seg_record *record, uint64_t max_bytes, seg_error *error)
{
	if (!record)
		return seg_fail(error, SEG_EINVAL, "the record is NULL");
	if (!record->key && record->key_length > 0)
		return seg_fail(error, SEG_EINVAL, "the record has a key length but no key");
	if (!record->data && record->data_length > 0)
		return seg_fail(error, SEG_EINVAL, "the record has a data length but no data");
	if (record->header_count > SEG_HEADERS_MAX)
		return seg_fail(error, SEG_ETOOBIG, "the record has %zu headers; at most %d are allowed",
				record->header_count, SEG_HEADERS_MAX);
	if (!record->headers && record->header_count > 0)
		return seg_fail(error, SEG_EINVAL, "the record has a header count but no headers");
	for (size_t i = 0; i < record->header_count; i++) {
		int status = check_header(&record->headers[i], i, error);
		if (status)
			return status;
	}
	size_t bytes = seg_record_bytes(record);
	if (bytes > max_bytes)
		return seg_fail(error, SEG_ETOOBIG,
				"the record's key, data and headers are %zu bytes; the client's limit, "
				"max_message_bytes, is %" PRIu64,
				bytes, max_bytes);
	return 0;
}

static char field_counts[2 + SEG_HEADERS_MAX + 1][8];

static void write_field_counts(void)
{
	for (size_t i = 0; i < sizeof(field_counts) / sizeof(field_counts[0]); i++)
		snprintf(field_counts[i], sizeof(field_counts[i]), "%zu", i);
}

const char *seg_record_field_count(size_t headers)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, write_field_counts);
	return field_counts[2 + headers];
}
