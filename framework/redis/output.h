/*
 * output.h - commands in Redis's protocol, waiting to be written. One thread.
 *
 * hiredis formats a command into fresh memory; here it goes straight to where it is written from, and in the
 * steady state nothing is allocated.
 */
#ifndef SEG_REDIS_OUTPUT_H
#define SEG_REDIS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct seg_output {
	char *bytes;
	size_t begin; /* the first byte that is not written */
	size_t end;
	size_t capacity;
} seg_output;

void seg_output_fini(seg_output *output);

/* Forgets what is unwritten. */
void seg_output_clear(seg_output *output);

/*
 * Makes room for a command of these arguments, and for a short head (EVALSHA, a script, a number) before them. False if
 * out of memory. lengths NULL: all are NUL-terminated words.
 */
bool seg_output_reserve(seg_output *output, int argc, const char *const *argv, const size_t *lengths);

/* Each must have been reserved. A command is one begin, with all its arguments' number, and those arguments. */
void seg_output_begin(seg_output *output, int argc);
void seg_output_arguments(seg_output *output, int argc, const char *const *argv, const size_t *lengths);
void seg_output_command(seg_output *output, int argc, const char *const *argv, const size_t *lengths);

static inline size_t seg_output_length(const seg_output *output)
{
	return output->end - output->begin;
}

static inline const char *seg_output_bytes(const seg_output *output)
{
	return output->bytes + output->begin;
}

/* The first n bytes have been written. */
void seg_output_consume(seg_output *output, size_t n);

#endif
