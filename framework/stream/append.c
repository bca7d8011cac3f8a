#include "stream/append.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "stream/record.h"
#include "stream/spelling.h"

#define TTL_MIN_MS ((int64_t)10 * 60 * 1000)

int64_t seg_append_ttl_ms(int64_t timeout)
{
	int64_t twice = 2 * (timeout / SEG_MS);
	return twice > TTL_MIN_MS ? twice : TTL_MIN_MS;
}

void seg_append_head(const seg_append *append, const seg_stream *stream, seg_append_texts *texts,
		     const char **argv, size_t *lengths)
{
	const char *name_space = stream->client->name_space;
	seg_key_log(texts->log, name_space, stream->name, append->partition);
	seg_key_beside_log(texts->producer, name_space, stream->name, append->partition, "producer",
			   append->producer);
	seg_key_beside_log(texts->counters, name_space, stream->name, append->partition, "counters", NULL);
	snprintf(texts->size, sizeof(texts->size), "%" PRIu64, stream->shape.partition_size);
	snprintf(texts->sequence, sizeof(texts->sequence), "%" PRIu64, append->sequence);
	snprintf(texts->ttl, sizeof(texts->ttl), "%" PRId64, append->ttl_ms);
	snprintf(texts->count, sizeof(texts->count), "%zu", append->records);
	const char *head[SEG_APPEND_HEAD] = {
		texts->log,
		texts->producer,
		texts->counters,
		texts->size,
		seg_overflow_names[stream->shape.overflow],
		texts->sequence,
		texts->ttl,
		texts->count,
	};
	for (int i = 0; i < SEG_APPEND_HEAD; i++) {
		argv[i] = head[i];
		lengths[i] = strlen(head[i]);
	}
}

static void put(const char **argv, size_t *lengths, size_t i, const void *text, size_t length)
{
	argv[i] = text ? text : "";
	lengths[i] = length;
}

/* The numbers of fields that a record can have, as texts that live for ever. */
static char field_counts[2 + SEG_HEADERS_MAX + 1][8];

static void write_field_counts(void)
{
	for (size_t i = 0; i < sizeof(field_counts) / sizeof(field_counts[0]); i++)
		snprintf(field_counts[i], sizeof(field_counts[i]), "%zu", i);
}

size_t seg_append_record(const seg_append *append, const seg_record *record, const char **argv,
			 size_t *lengths)
{
	if (append->headers == 0) {
		put(argv, lengths, 0, record->key, record->key_length);
		put(argv, lengths, 1, record->data, record->data_length);
		return 2;
	}
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, write_field_counts);
	const char *field_count = field_counts[2 + record->header_count];
	put(argv, lengths, 0, field_count, strlen(field_count));
	put(argv, lengths, 1, SEG_FIELD_KEY, sizeof(SEG_FIELD_KEY) - 1);
	put(argv, lengths, 2, record->key, record->key_length);
	put(argv, lengths, 3, SEG_FIELD_DATA, sizeof(SEG_FIELD_DATA) - 1);
	put(argv, lengths, 4, record->data, record->data_length);
	for (size_t i = 0; i < record->header_count; i++) {
		const seg_header *header = &record->headers[i];
		put(argv, lengths, 5 + 2 * i, header->name, header->name_length);
		put(argv, lengths, 6 + 2 * i, header->value, header->value_length);
	}
	return 5 + 2 * record->header_count;
}

void seg_append_packed(const seg_packed *packed, const char **argv, size_t *lengths)
{
	put(argv, lengths, 0, packed->field, strlen(packed->field));
	put(argv, lengths, 1, packed->value, packed->length);
}

static seg_append_answer read_answer(const seg_append *append, const seg_reply *reply, seg_error *error)
{
	const seg_reply *word = seg_reply_at(reply, 0), *first = seg_reply_at(reply, 1);
	seg_append_answer answer = {.outcome = SEG_APPEND_ADDED};
	int64_t added = seg_reply_number(seg_reply_at(reply, 2), -1);
	/* Of a sequence before the newest, Redis no longer knows what became of it. */
	if (seg_reply_is(word, "OLD")) {
		answer.outcome = SEG_APPEND_UNCLEAR;
		seg_fail(error, SEG_EUNKNOWN,
			 "Redis says that a later batch of this producer came before this one");
	} else if ((!seg_reply_is(word, "OK") && !seg_reply_is(word, "DUP")) || added < 0 ||
		   (size_t)added > append->records ||
		   (added > 0 && seg_id_parse(first ? first->text : NULL, &answer.first))) {
		answer.outcome = SEG_APPEND_UNCLEAR;
		seg_fail(error, SEG_EUNKNOWN,
			 "Redis gave an answer to the append script that it cannot give");
	} else {
		answer.added = (size_t)added;
	}
	return answer;
}

seg_append_answer seg_append_read(const seg_append *append, const seg_reply *reply, seg_error *error)
{
	if (!reply) {
		seg_fail(error, SEG_EUNKNOWN, "the connection was lost before Redis answered");
		return (seg_append_answer){.outcome = SEG_APPEND_LOST};
	}
	if (reply->type != SEG_REPLY_ERROR)
		return read_answer(append, reply, error);
	seg_fail(error, seg_reply_status(reply), "Redis says: %.300s", reply->text);
	bool later = seg_reply_is_transient(reply);
	return (seg_append_answer){.outcome = later ? SEG_APPEND_REFUSED : SEG_APPEND_FAILED};
}

int seg_append_full(const seg_stream *stream, uint32_t partition, seg_error *error)
{
	return seg_fail(
		error, SEG_EFULL,
		"partition %" PRIu32 " of stream \"%s\" is full: %" PRIu64
		" messages that some group has not "
		"committed; let its consumers catch up, or see segctl for a group that nobody reads any more",
		partition, stream->name, stream->shape.partition_size);
}
