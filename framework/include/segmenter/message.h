/*
 * message.h - what a message is, for programs and plugins that send, receive or handle messages.
 *
 * <segmenter/segmenter.h> (clients) and <segmenter/handler.h> (plugins) include this header. It declares
 * types only. All structs are read-only for their receiver. Lengths are in bytes.
 */
#ifndef SEGMENTER_MESSAGE_H
#define SEGMENTER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The id of a message, which is also a position in its partition: the id of a Redis stream entry. Ids of one
 * partition rise strictly. {0, 0} comes before every message.
 */
typedef struct seg_id {
	uint64_t ms;  /* milliseconds since 1970, by the clock of the Redis server */
	uint64_t seq; /* sequence number within the millisecond */
} seg_id;

/*
 * Size of the longest id's text in bytes, "18446744073709551615-18446744073709551615" and its NUL, rounded
 * up.
 */
#define SEG_ID_TEXT_MAX 44

/* A further field of a message. Name and value can hold any bytes, also NUL. */
typedef struct seg_header {
	const char *name; /* not NUL-terminated by contract: use name_length */
	size_t name_length;
	const void *value; /* may be NULL if value_length is 0 */
	size_t value_length;
} seg_header;

/* A message as it is read. All pointers belong to the message's batch, and are valid as long as the batch. */
typedef struct seg_message {
	seg_id id;
	const void *key;
	size_t key_length;
	const void *data;
	size_t data_length;
	const seg_header *headers;
	size_t header_count; /* 0 to 1,024 for messages that this library has sent */
} seg_message;

/* Messages of one partition, oldest first: consecutive ones, unless the section, or the consumer, has `parallel` above 1. */
typedef struct seg_batch {
	const seg_message *messages;
	size_t count;       /* at least 1 */
	uint32_t partition; /* 0 to the stream's partitions - 1 */
	/*
	 * How many times messages[0] has been handed to a handler, this time included: 1 for the first
	 * time. For the messages behind it nobody counts; most come for the first time, but after a batch that was given back, or the
	 * end of an owner, they may come again. A pull consumer counts from when it came to own the partition: not what earlier owners
	 * had, nor what max_processing_ms took back.
	 */
	uint32_t attempt;
	/*
	 * Rises each time the partition gets a new owner, never falls, and stays the same for the duration of
	 * one ownership. Use it as a fencing token: let a store refuse a write whose epoch is below the
	 * highest it has seen.
	 */
	uint64_t epoch;
	/* For seg_emit and seg_state_... of <segmenter/handler.h>, which see; NULL in a batch of a pull consumer (seg_consumer_emit). */
	const struct seg_batch_calls *calls;
} seg_batch;

/*
 * A record for another stream, which a handler emits with seg_emit, or a caller of a pull consumer with seg_consumer_emit. The caller
 * owns all of it. Key, data and headers have together at most 16 MiB, as in a send; and what one message emits and changes, at most
 * in_flight_bytes, or 4 MiB if that is more, where each record and each change counts some 150 bytes beside its own.
 */
typedef struct seg_output {
	const char *stream; /* one of the `outputs` of the section, or of the consumer */
	const void *key;    /* picks the partition, as in a send; may be NULL if key_length is 0 */
	size_t key_length;
	const void *data;
	size_t data_length;
	const seg_header *headers; /* may be NULL if header_count is 0 */
	size_t header_count;       /* 0 to 1,024 */
} seg_output;

#ifdef __cplusplus
}
#endif

#endif
