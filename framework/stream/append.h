/*
 * append.h - one call of the append script: its arguments, and what its answer means.
 *
 * A call adds a batch of one partition's records in one atomic step, under a sequence number: asked again
 * with the same number, Redis adds nothing and answers as it did before. Pure; any thread.
 */
#ifndef SEG_STREAM_APPEND_H
#define SEG_STREAM_APPEND_H

#include "stream/client.h"
#include "stream/pack.h"

/* Arguments before the first record's: three keys, size, overflow, sequence, ttl, and how many records. */
#define SEG_APPEND_HEAD 8
#define SEG_APPEND_KEYS 3

/* The texts that a head's arguments point to: they live until the call is issued. */
typedef struct seg_append_texts {
	char log[SEG_KEY_MAX];
	char producer[SEG_KEY_MAX];
	char counters[SEG_KEY_MAX];
	char size[24];
	char sequence[24];
	char ttl[24];
	char count[24];
} seg_append_texts;

typedef struct seg_append {
	uint32_t partition;
	const char *producer; /* its id */
	uint64_t sequence;    /* at least 1, rising with each batch of the producer in the partition */
	int64_t ttl_ms;       /* how long Redis remembers the sequence */
	size_t records;
	size_t headers; /* of all of them; where there is none, less is sent, which costs Redis a fifth less */
} seg_append;

/* The most arguments that the call has. */
static inline size_t seg_append_arguments_max(const seg_append *append)
{
	return SEG_APPEND_HEAD + 5 * append->records + 2 * append->headers;
}

/* How long the sequences of a producer are remembered that tries for `timeout` ns. */
int64_t seg_append_ttl_ms(int64_t timeout);

/* Writes the SEG_APPEND_HEAD first arguments. */
void seg_append_head(const seg_append *append, const seg_stream *stream, seg_append_texts *texts,
		     const char **argv, size_t *lengths);

/* Writes a record's arguments, which point into it. Returns how many they are. */
size_t seg_append_record(const seg_append *append, const seg_record *record, const char **argv,
			 size_t *lengths);

/* The same where all records are one entry: writes its two arguments, which point into it. */
void seg_append_packed(const seg_packed *packed, const char **argv, size_t *lengths);
#define SEG_APPEND_PACKED_ARGUMENTS (SEG_APPEND_HEAD + 2)

typedef enum seg_append_outcome {
	SEG_APPEND_ADDED,   /* the first `added` of its records, now or when it was first asked */
	SEG_APPEND_LOST,    /* no answer: it may have been added */
	SEG_APPEND_REFUSED, /* nothing was done; it may go better in a moment */
	SEG_APPEND_FAILED,  /* nothing was done, and it will not go better */
	SEG_APPEND_UNCLEAR  /* it may have been added, and asking again will not tell */
} seg_append_outcome;

typedef struct seg_append_answer {
	seg_append_outcome outcome;
	seg_id first; /* record i has the id {first.ms, first.seq + i} */
	size_t added;
} seg_append_answer;

/* Reads the answer to a call; unless it is SEG_APPEND_ADDED, error says what Redis said. */
seg_append_answer seg_append_read(const seg_append *append, const seg_reply *reply, seg_error *error);

/* Says that the partition is full, and what to do about it: SEG_EFULL. */
int seg_append_full(const seg_stream *stream, uint32_t partition, seg_error *error);

#endif
