/* shape.h - a stream's shape: whether it is valid, and how it is kept in Redis. Pure; any thread. */
#ifndef SEG_STREAM_SHAPE_H
#define SEG_STREAM_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "redis/reply.h"

/*
 * Checks each member against its range, which seg_stream_shape documents: 0 or SEG_EINVAL. NULL is
 * SEG_EINVAL.
 */
int seg_shape_check(const seg_stream_shape *shape, seg_error *error);

/* Checks that this build can read and write the stream's packing: 0, or SEG_ESERVER if LZ4 or zstd was left out. */
int seg_shape_check_packing(const seg_stream_shape *shape, const char *name, seg_error *error);

bool seg_shape_equal(const seg_stream_shape *a, const seg_stream_shape *b);

/* The version of the format that the shape is kept in. */
int seg_shape_version(const seg_stream_shape *shape);

/* A shape as Redis has it. Zero it first. */
typedef struct seg_stored_shape {
	bool found;
	bool readable; /* every field is there and in its range */
	int64_t version;
	seg_stream_shape shape;
} seg_stored_shape;

/* Callbacks that read the answer of the register script, or of HMGET, into the seg_stored_shape `arg`. */
void seg_stored_shape_registered(void *arg, const seg_reply *reply);
void seg_stored_shape_read(void *arg, const seg_reply *reply);

/*
 * Checks that the shape is readable and of a version this library knows: 0, SEG_EPROTOCOL or SEG_ESERVER.
 * `name` and `key` are the stream's, for the sentence.
 */
int seg_stored_shape_check(const seg_stored_shape *stored, const char *name, const char *key,
			   seg_error *error);

#endif
