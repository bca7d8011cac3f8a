/*
 * output.h - a buffer of commands in Redis's protocol (RESP), to be written. One thread.
 *
 * hiredis allocates memory for each command. This buffer formats a command where it is written from, and
 * keeps its memory, so that a connection in steady use allocates nothing.
 */
#ifndef SEG_REDIS_OUTPUT_H
#define SEG_REDIS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct seg_output {
	char *bytes;
	size_t begin; /* the first byte that is not written yet */
	size_t end;
	size_t capacity;
} seg_output;

void seg_output_fini(seg_output *output);

/* Drops the unwritten bytes. */
void seg_output_clear(seg_output *output);

/* The same, and overwrites all memory of the buffer. */
void seg_output_wipe(seg_output *output);

/* Makes room for so many bytes. False if out of memory. */
bool seg_output_make_room(seg_output *output, size_t wanted);

/*
 * Makes room for a command with these arguments, and for a head before them: a few short words (EVALSHA, a hash, a
 * number) and `head` bytes more. False if out of memory. lengths NULL: all are NUL-terminated words.
 */
bool seg_output_reserve(seg_output *output, size_t head, int argc, const char *const *argv,
			const size_t *lengths);

/*
 * Write a command into reserved room: one begin with the number of all arguments, then the arguments, in one
 * or more calls. seg_output_command does both.
 */
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

/* Removes the first n bytes, which have been written. */
void seg_output_consume(seg_output *output, size_t n);

#endif
