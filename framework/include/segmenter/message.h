/*
 * message.h - what a message is, for those who send, receive and handle one.
 *
 * Included by <segmenter/segmenter.h> (clients) and <segmenter/handler.h>
 * (plugins). Nothing here allocates, and nothing here has a thread.
 */
#ifndef SEGMENTER_MESSAGE_H
#define SEGMENTER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A position in a partition: the id of a Redis stream entry, milliseconds since
 * 1970 and a sequence number within the millisecond. Ids of one partition rise
 * strictly. {0, 0} is before every message.
 */
typedef struct seg_id {
	uint64_t ms;
	uint64_t seq;
} seg_id;

/* Room for the text of any id, "18446744073709551615-18446744073709551615" and its NUL. */
#define SEG_ID_TEXT_MAX 44

/* A further field of a message. Name and value may hold any bytes, NUL included. */
typedef struct seg_header {
	const char *name;
	size_t name_length;
	const void *value;
	size_t value_length;
} seg_header;

/*
 * A message as it is read. All pointers lead into memory that belongs to the
 * batch the message is part of, and live as long as that batch.
 */
typedef struct seg_message {
	seg_id id;
	const void *key;
	size_t key_length;
	const void *data;
	size_t data_length;
	const seg_header *headers;
	size_t header_count;
} seg_message;

/*
 * Consecutive messages of one partition, oldest first.
 *
 * epoch   rises each time the partition gets a new owner, never falls, and is
 *         the same for all calls of one ownership: a fencing token for stores
 *         of your own (refuse a write whose epoch is below the highest seen).
 * attempt how often messages[0] has been handed to a handler, this time
 *         included: 1 for the first time. The messages behind it are at 1.
 */
typedef struct seg_batch {
	const seg_message *messages;
	size_t count;
	uint32_t partition;
	uint32_t attempt;
	uint64_t epoch;
} seg_batch;

#ifdef __cplusplus
}
#endif

#endif
