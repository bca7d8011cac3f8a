/*
 * outgoing.h - a buffer of commands in Redis's protocol (RESP), to be written. One thread.
 *
 * hiredis allocates memory for each command. This buffer formats a command where it is written from, and
 * keeps its memory, so that a connection in steady use allocates nothing.
 */
#ifndef SEG_REDIS_OUTGOING_H
#define SEG_REDIS_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>

typedef struct seg_outgoing {
	char *bytes;
	size_t begin; /* the first byte that is not written yet */
	size_t end;
	size_t capacity;
} seg_outgoing;

void seg_outgoing_fini(seg_outgoing *output);

/* Drops the unwritten bytes. */
void seg_outgoing_clear(seg_outgoing *output);

/* The same, and overwrites all memory of the buffer. */
void seg_outgoing_wipe(seg_outgoing *output);

/* Makes room for so many bytes. False if out of memory. */
bool seg_outgoing_make_room(seg_outgoing *output, size_t wanted);

/*
 * Makes room for a command with these arguments, and for a head before them: a few short words (EVALSHA, a hash, a
 * number) and `head` bytes more. False if out of memory. lengths NULL: all are NUL-terminated words.
 */
bool seg_outgoing_reserve(seg_outgoing *output, size_t head, int argc, const char *const *argv,
			  const size_t *lengths);

/*
 * Write a command into reserved room: one begin with the number of all arguments, then the arguments, in one
 * or more calls. seg_outgoing_command does both.
 */
void seg_outgoing_begin(seg_outgoing *output, int argc);
void seg_outgoing_arguments(seg_outgoing *output, int argc, const char *const *argv, const size_t *lengths);
void seg_outgoing_command(seg_outgoing *output, int argc, const char *const *argv, const size_t *lengths);

/* Appends bytes that are a command already. False if out of memory. */
bool seg_outgoing_append(seg_outgoing *output, const char *bytes, size_t length);

static inline size_t seg_outgoing_length(const seg_outgoing *output)
{
	return output->end - output->begin;
}

static inline const char *seg_outgoing_bytes(const seg_outgoing *output)
{
	return output->bytes + output->begin;
}

/* Removes the first n bytes, which have been written. */
void seg_outgoing_consume(seg_outgoing *output, size_t n);

#endif
