/*
 * append.h - a call of the append script: its description, the builder that issues it, and the meaning of its
 * answer.
 *
 * A call adds a batch of records to one partition in one atomic step, under a sequence: the producer numbers
 * its records of a partition, and the sequence is the number of the batch's first record. If the same sequence
 * is sent again, Redis adds nothing and repeats its first answer. So several batches of a partition may be in
 * flight: Redis refuses a batch with SEG_APPEND_GAP if the record before it was not added.
 * framework/lua/README.md has the contract.
 */
#ifndef SEG_STREAM_APPEND_H
#define SEG_STREAM_APPEND_H

#include <stdbool.h>

#include "stream/client.h"
#include "stream/pack.h"

/* What a call adds, and where. */
typedef struct seg_append {
	uint32_t partition;
	const char *producer; /* the producer's id, SEG_PRODUCER_ID_LENGTH hexadecimal digits */
	uint64_t sequence;    /* the number of the first record; at least 1, below 2^53 */
	/*
	 * The sequence of the producer's oldest batch in this partition that has no outcome yet. If that is
	 * this batch, Redis adds the batch behind whatever is there.
	 */
	uint64_t oldest;
	int64_t ttl_ms; /* how long Redis remembers the sequence; see seg_append_ttl_ms */
	size_t records; /* at least 1 */
	/* Of all records together. With 0, the call names no fields, which saves Redis a fifth of its time. */
	size_t headers;
} seg_append;

/*
 * The ttl_ms for a producer that sends a batch again for up to `timeout` ns: twice as long, and at least 10
 * min.
 */
int64_t seg_append_ttl_ms(int64_t timeout);

/* --- building a call ----------------------------------------------------------- */

/* The most arguments before the records, keys included. */
enum { SEG_APPEND_HEAD = 9 };

/* How many of these are keys. */
int seg_append_keys(const seg_stream *stream);

/*
 * Builds one call after another. Start with a zeroed struct. Its memory is kept from call to call, so that
 * nothing is allocated once it has seen the largest batch. One thread.
 */
typedef struct seg_append_builder {
	const seg_append *append; /* of the call being built */
	const seg_stream *stream;
	const char **argv;
	size_t *lengths;
	size_t argc, room;
	seg_packer packer; /* for streams with packing */
	struct {
		char log[SEG_KEY_MAX];
		char producer[SEG_KEY_MAX];
		char counters[SEG_KEY_MAX];
		char size[24];
		char sequence[24];
		char oldest[24];
		char ttl[24];
		char count[24];
	} texts; /* that the arguments before the records point to */
} seg_append_builder;

void seg_append_builder_fini(seg_append_builder *builder);

/*
 * A call is one begin, one add for each of append->records, and one issue. Each returns false if memory is
 * out, issue also if the connection is not ready; the call is then not sent, and fn is not called. What the
 * records point to, and *append, must live until issue returns. fn gets the answer, to be read with
 * seg_append_read.
 */
bool seg_append_begin(seg_append_builder *builder, const seg_append *append, const seg_stream *stream);
bool seg_append_add(seg_append_builder *builder, const seg_record *record);
bool seg_append_issue(seg_append_builder *builder, seg_route *route, seg_reply_fn fn, void *arg);

/* --- reading its answer -------------------------------------------------------- */

typedef enum seg_append_outcome {
	SEG_APPEND_ADDED, /* the first `added` records were added, by this call or an earlier try of it */
	/* No answer: the batch may have been added, unless seg_route_lost_unwritten; send it again. */
	SEG_APPEND_LOST,
	SEG_APPEND_REFUSED, /* nothing was added; the same call may succeed later */
	SEG_APPEND_GAP,     /* nothing was added, because an earlier batch is missing: send that one first */
	SEG_APPEND_FAILED,  /* nothing was added, and the same call will fail again */
	SEG_APPEND_UNCLEAR  /* the batch may have been added, and sending it again would not tell */
} seg_append_outcome;

typedef struct seg_append_answer {
	seg_append_outcome outcome;
	seg_id first; /* record i has the id {first.ms, first.seq + i}; valid if added > 0 */
	size_t added; /* fewer than the batch if the partition became full */
} seg_append_answer;

/*
 * Reads the answer to a call; reply is NULL if the connection was lost. Unless the outcome is
 * SEG_APPEND_ADDED, error (not NULL) gets a status and a sentence. Pure.
 */
seg_append_answer seg_append_read(const seg_append *append, const seg_reply *reply, seg_error *error);

/*
 * Fills error with SEG_EFULL and a sentence that names the partition and the remedy. Returns SEG_EFULL. Pure.
 */
int seg_append_full(const seg_stream *stream, uint32_t partition, seg_error *error);

#endif
