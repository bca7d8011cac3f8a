#include "redis/outgoing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	NUMBER_MAX = 24, /* "*" or "$", 20 digits, CR LF */
	HEAD_MAX = 256,  /* EVALSHA, its script and key count, before the arguments proper */
	FIRST_CAPACITY = 16 * 1024,
};

/* A buffer larger than this is freed when it is empty. */
#define KEEP_MAX ((size_t)4 * 1024 * 1024)

void seg_outgoing_fini(seg_outgoing *output)
{
	free(output->bytes);
	*output = (seg_outgoing){0};
}

void seg_outgoing_clear(seg_outgoing *output)
{
	output->begin = output->end = 0;
	if (output->capacity > KEEP_MAX)
		seg_outgoing_fini(output);
}

void seg_outgoing_wipe(seg_outgoing *output)
{
	if (output->bytes)
		explicit_bzero(output->bytes, output->capacity);
	seg_outgoing_clear(output);
}

bool seg_outgoing_make_room(seg_outgoing *output, size_t wanted)
{
	if (output->capacity - output->end >= wanted)
		return true;
	size_t length = seg_outgoing_length(output);
	if (output->begin > 0) {
		memmove(output->bytes, output->bytes + output->begin, length);
		output->begin = 0;
		output->end = length;
	}
	if (output->capacity - length >= wanted)
		return true;
	if (wanted > SIZE_MAX / 4)
		return false;
	size_t capacity = output->capacity ? output->capacity : FIRST_CAPACITY;
	while (capacity - length < wanted)
		capacity *= 2;
	char *bytes = realloc(output->bytes, capacity);
	if (!bytes)
		return false;
	output->bytes = bytes;
	output->capacity = capacity;
	return true;
}

bool seg_outgoing_reserve(seg_outgoing *output, size_t head, int argc, const char *const *argv,
			  const size_t *lengths)
{
	size_t wanted = HEAD_MAX + head;
	for (int i = 0; i < argc; i++) {
		size_t length = lengths ? lengths[i] : strlen(argv[i]);
		if (length > SIZE_MAX / 8)
			return false;
		wanted += NUMBER_MAX + length + 2;
	}
	return seg_outgoing_make_room(output, wanted);
}

bool seg_outgoing_append(seg_outgoing *output, const char *bytes, size_t length)
{
	if (!seg_outgoing_make_room(output, length))
		return false;
	memcpy(output->bytes + output->end, bytes, length);
	output->end += length;
	return true;
}

static void put_number(seg_outgoing *output, char type, size_t value)
{
	char digits[NUMBER_MAX];
	char *p = digits + sizeof(digits);
	*--p = '\n';
	*--p = '\r';
	do
		*--p = (char)('0' + value % 10);
	while (value /= 10);
	*--p = type;
	size_t length = (size_t)(digits + sizeof(digits) - p);
	memcpy(output->bytes + output->end, p, length);
	output->end += length;
}

void seg_outgoing_begin(seg_outgoing *output, int argc)
{
	put_number(output, '*', (size_t)argc);
}

void seg_outgoing_arguments(seg_outgoing *output, int argc, const char *const *argv, const size_t *lengths)
{
	for (int i = 0; i < argc; i++) {
		size_t length = lengths ? lengths[i] : strlen(argv[i]);
		put_number(output, '$', length);
		if (length)
			memcpy(output->bytes + output->end, argv[i], length);
		output->end += length;
		output->bytes[output->end++] = '\r';
		output->bytes[output->end++] = '\n';
	}
}

void seg_outgoing_command(seg_outgoing *output, int argc, const char *const *argv, const size_t *lengths)
{
	seg_outgoing_begin(output, argc);
	seg_outgoing_arguments(output, argc, argv, lengths);
}

void seg_outgoing_consume(seg_outgoing *output, size_t n)
{
	output->begin += n;
	if (output->begin == output->end)
		seg_outgoing_clear(output);
}
