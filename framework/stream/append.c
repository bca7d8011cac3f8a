#include "stream/append.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/denial.h"
#include "stream/record.h"
#include "stream/spelling.h"

#define TTL_MIN_MS ((int64_t)10 * 60 * 1000)

int64_t seg_append_ttl_ms(int64_t timeout)
{
	int64_t twice = 2 * (timeout / SEG_MS);
	return twice > TTL_MIN_MS ? twice : TTL_MIN_MS;
}

/* --- building a call ----------------------------------------------------------- */

void seg_append_builder_fini(seg_append_builder *builder)
{
	free(builder->argv);
	free(builder->lengths);
	seg_packer_fini(&builder->packer);
	*builder = (seg_append_builder){0};
}

static bool is_packed(const seg_append_builder *builder)
{
	return builder->stream->shape.packing != SEG_PACKING_OFF;
}

/*
 * Whether the script needs the key of the counters. It is not named otherwise: while a slot moves, Redis Cluster refuses
 * calls that name a key that does not exist beside one that does.
 */
static bool has_counters(const seg_stream *stream)
{
	return stream->shape.packing != SEG_PACKING_OFF || stream->shape.overflow == SEG_OVERFLOW_DROP_OLDEST;
}

int seg_append_keys(const seg_stream *stream)
{
	return has_counters(stream) ? 3 : 2;
}

/* The most arguments that the call can have. */
static size_t arguments_max(const seg_append_builder *builder)
{
	const seg_append *append = builder->append;
	return SEG_APPEND_HEAD + (is_packed(builder) ? 2 : 5 * append->records + 2 * append->headers);
}

static bool make_room(seg_append_builder *builder, size_t wanted)
{
	if (wanted <= builder->room)
		return true;
	const char **argv = realloc(builder->argv, wanted * sizeof(*argv));
	if (argv)
		builder->argv = argv;
	size_t *lengths = realloc(builder->lengths, wanted * sizeof(*lengths));
	if (lengths)
		builder->lengths = lengths;
	if (!argv || !lengths)
		return false;
	builder->room = wanted;
	return true;
}

static inline void put(seg_append_builder *builder, const void *text, size_t length)
{
	builder->argv[builder->argc] = text ? text : "";
	builder->lengths[builder->argc++] = length;
}

static void put_word(seg_append_builder *builder, const char *word)
{
	put(builder, word, strlen(word));
}

static void put_head(seg_append_builder *builder)
{
	const seg_append *append = builder->append;
	const seg_stream *stream = builder->stream;
	const char *name_space = stream->client->name_space;
	seg_key_log(builder->texts.log, name_space, stream->name, append->partition);
	seg_key_beside_log(builder->texts.producer, name_space, stream->name, append->partition, "producer",
			   append->producer);
	seg_key_beside_log(builder->texts.counters, name_space, stream->name, append->partition, "counters",
			   NULL);
	snprintf(builder->texts.size, sizeof(builder->texts.size), "%" PRIu64, stream->shape.partition_size);
	snprintf(builder->texts.sequence, sizeof(builder->texts.sequence), "%" PRIu64, append->sequence);
	snprintf(builder->texts.oldest, sizeof(builder->texts.oldest), "%" PRIu64, append->oldest);
	snprintf(builder->texts.ttl, sizeof(builder->texts.ttl), "%" PRId64, append->ttl_ms);
	snprintf(builder->texts.count, sizeof(builder->texts.count), "%zu", append->records);
	put_word(builder, builder->texts.log);
	put_word(builder, builder->texts.producer);
	if (has_counters(stream))
		put_word(builder, builder->texts.counters);
	put_word(builder, builder->texts.size);
	put_word(builder, seg_overflow_name(stream->shape.overflow));
	put_word(builder, builder->texts.sequence);
	put_word(builder, builder->texts.oldest);
	put_word(builder, builder->texts.ttl);
	put_word(builder, builder->texts.count);
}

bool seg_append_begin(seg_append_builder *builder, const seg_append *append, const seg_stream *stream)
{
	builder->append = append;
	builder->stream = stream;
	builder->argc = 0;
	if (!make_room(builder, arguments_max(builder)))
		return false;
	put_head(builder);
	if (is_packed(builder))
		seg_packer_begin(&builder->packer);
	return true;
}

/* The number of fields, then the name and value of each. */
static void put_fields(seg_append_builder *builder, const seg_record *record)
{
	put_word(builder, seg_record_field_count(record->header_count));
	put(builder, SEG_FIELD_KEY, sizeof(SEG_FIELD_KEY) - 1);
	put(builder, record->key, record->key_length);
	put(builder, SEG_FIELD_DATA, sizeof(SEG_FIELD_DATA) - 1);
	put(builder, record->data, record->data_length);
	for (size_t i = 0; i < record->header_count; i++) {
		put(builder, record->headers[i].name, record->headers[i].name_length);
		put(builder, record->headers[i].value, record->headers[i].value_length);
	}
}

bool seg_append_add(seg_append_builder *builder, const seg_record *record)
{
	if (is_packed(builder))
		return seg_packer_add(&builder->packer, record);
	if (builder->append->headers > 0) {
		put_fields(builder, record);
	} else {
		put(builder, record->key, record->key_length);
		put(builder, record->data, record->data_length);
	}
	return true;
}

bool seg_append_issue(seg_append_builder *builder, seg_route *route, seg_reply_fn fn, void *arg)
{
	seg_script script = SEG_SCRIPT_APPEND;
	if (is_packed(builder)) {
		seg_packed packed;
		if (!seg_packer_finish(&builder->packer, builder->stream->shape.packing,
				       (int)builder->stream->packing_level, &packed))
			return false;
		script = SEG_SCRIPT_APPEND_PACKED;
		put_word(builder, packed.field);
		put(builder, packed.value, packed.length);
	}
	return seg_route_script(route, script, fn, arg, seg_append_keys(builder->stream), (int)builder->argc,
				builder->argv, builder->lengths);
}

/* --- reading its answer -------------------------------------------------------- */

static seg_append_answer read_answer(const seg_append *append, const seg_reply *reply, seg_error *error)
{
	const seg_reply *word = seg_reply_at(reply, 0);
	seg_append_answer answer = {.outcome = SEG_APPEND_ADDED};
	int64_t added = seg_reply_number(seg_reply_at(reply, 2), -1);
	if (seg_reply_is(word, "GAP") && append->oldest < append->sequence) {
		answer.outcome = SEG_APPEND_GAP;
		seg_fail(error, SEG_EUNKNOWN, "Redis has not added the batch before this one");
	} else if (seg_reply_is(word, "OLD")) {
		/* Redis remembers only the outcomes that the producer may still ask for. */
		answer.outcome = SEG_APPEND_UNCLEAR;
		seg_fail(
			error, SEG_EUNKNOWN,
			"Redis has already added a later batch of this producer, and no longer knows the outcome of this one");
	} else if ((!seg_reply_is(word, "OK") && !seg_reply_is(word, "DUP")) || added < 0 ||
		   (size_t)added > append->records ||
		   (added > 0 && !seg_reply_id(seg_reply_at(reply, 1), &answer.first)) ||
		   answer.first.seq > UINT64_MAX - (uint64_t)added) {
		answer.outcome = SEG_APPEND_UNCLEAR;
		seg_fail(error, SEG_EUNKNOWN,
			 "the answer to the append script is not one that the script gives");
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
	char text[SEG_EXPLANATION_MAX];
	seg_fail(error, seg_reply_status(reply), "Redis answered: %s", seg_reply_explain(reply, text));
	bool later = seg_reply_is_transient(reply);
	return (seg_append_answer){.outcome = later ? SEG_APPEND_REFUSED : SEG_APPEND_FAILED};
}

int seg_append_full(const seg_stream *stream, uint32_t partition, seg_error *error)
{
	return seg_fail(
		error, SEG_EFULL,
		"partition %" PRIu32 " of stream \"%s\" is full: %" PRIu64
		" messages, and some group has not committed the oldest; wait for its consumers, or use segctl to "
		"find a group that is no longer used",
		partition, stream->name, stream->shape.partition_size);
}
