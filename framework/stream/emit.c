#include "stream/emit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/record.h"
#include "stream/spelling.h"

/* The most arguments before the records, keys included. */
enum { HEAD = 10 };

/* --- building a call ----------------------------------------------------------- */

void seg_emit_builder_fini(seg_emit_builder *b)
{
	free(b->argv);
	free(b->lengths);
	free(b->marks);
	seg_packer_fini(&b->packer);
	*b = (seg_emit_builder){0};
}

static bool is_packed(const seg_emit_builder *b)
{
	return b->call->target->shape.packing != SEG_PACKING_OFF;
}

/* Whether the script needs the key of the counters: as in append.c. */
static bool has_counters(const seg_emit_builder *b)
{
	return is_packed(b) || b->call->target->shape.overflow == SEG_OVERFLOW_DROP_OLDEST;
}

static bool make_room(seg_emit_builder *b)
{
	const seg_emit_call *call = b->call;
	size_t wanted = HEAD + (is_packed(b) ? 2 + call->records : 6 * call->records + 2 * call->headers);
	if (wanted > b->room) {
		const char **argv = realloc(b->argv, wanted * sizeof(*argv));
		if (argv)
			b->argv = argv;
		size_t *lengths = realloc(b->lengths, wanted * sizeof(*lengths));
		if (lengths)
			b->lengths = lengths;
		if (!argv || !lengths)
			return false;
		b->room = wanted;
	}
	if (call->records > b->mark_room) {
		void *marks = realloc(b->marks, call->records * sizeof(*b->marks));
		if (!marks)
			return false;
		b->marks = marks;
		b->mark_room = call->records;
	}
	return true;
}

static void put(seg_emit_builder *b, const void *text, size_t length)
{
	b->argv[b->argc] = text ? text : "";
	b->lengths[b->argc++] = length;
}

static void put_word(seg_emit_builder *b, const char *word)
{
	put(b, word, strlen(word));
}

static void put_head(seg_emit_builder *b)
{
	const seg_emit_call *call = b->call;
	const seg_stream *target = call->target;
	const char *name_space = target->client->name_space;
	seg_key_log(b->texts.log, name_space, target->name, call->partition);
	seg_key_beside_log(b->texts.from, name_space, target->name, call->partition, "from", NULL);
	seg_key_beside_log(b->texts.counters, name_space, target->name, call->partition, "counters", NULL);
	snprintf(b->texts.size, sizeof(b->texts.size), "%" PRIu64, target->shape.partition_size);
	snprintf(b->texts.run, sizeof(b->texts.run), "%" PRIu64, call->run);
	snprintf(b->texts.epoch, sizeof(b->texts.epoch), "%" PRIu64, call->epoch);
	seg_id_format(call->floor, b->texts.floor);
	snprintf(b->texts.count, sizeof(b->texts.count), "%zu", call->records);
	put_word(b, b->texts.log);
	put_word(b, b->texts.from);
	if (has_counters(b))
		put_word(b, b->texts.counters);
	put_word(b, b->texts.size);
	put_word(b, seg_overflow_name(target->shape.overflow));
	put_word(b, call->source);
	put_word(b, b->texts.run);
	put_word(b, b->texts.epoch);
	put_word(b, b->texts.floor);
	put_word(b, b->texts.count);
}

bool seg_emit_begin(seg_emit_builder *b, const seg_emit_call *call)
{
	b->call = call;
	b->argc = b->mark_count = 0;
	if (!make_room(b))
		return false;
	put_head(b);
	if (is_packed(b))
		seg_packer_begin(&b->packer);
	return true;
}

static const char *write_mark(seg_emit_builder *b, const seg_emit_mark *mark)
{
	char *text = b->marks[b->mark_count++], id[SEG_ID_TEXT_MAX], slot[12] = "";
	if (mark->slot >= 0)
		snprintf(slot, sizeof(slot), "%" PRId32, mark->slot);
	snprintf(text, SEG_EMIT_MARK_MAX, "%s%s %s %" PRIu32, mark->in_order ? "-" : "", slot,
		 seg_id_format(mark->id, id), mark->number);
	return text;
}

/* The number of fields, then the name and value of each. */
static void put_fields(seg_emit_builder *b, const seg_output *output)
{
	put_word(b, seg_record_field_count(output->header_count));
	put(b, SEG_FIELD_KEY, sizeof(SEG_FIELD_KEY) - 1);
	put(b, output->key, output->key_length);
	put(b, SEG_FIELD_DATA, sizeof(SEG_FIELD_DATA) - 1);
	put(b, output->data, output->data_length);
	for (size_t i = 0; i < output->header_count; i++) {
		put(b, output->headers[i].name, output->headers[i].name_length);
		put(b, output->headers[i].value, output->headers[i].value_length);
	}
}

bool seg_emit_add(seg_emit_builder *b, const seg_emit_mark *mark, const seg_output *output)
{
	const char *text = write_mark(b, mark);
	if (is_packed(b)) {
		const seg_record record = {.key = output->key,
					   .key_length = output->key_length,
					   .data = output->data,
					   .data_length = output->data_length,
					   .headers = output->headers,
					   .header_count = output->header_count};
		return seg_packer_add(&b->packer, &record);
	}
	put_word(b, text);
	if (b->call->headers > 0) {
		put_fields(b, output);
	} else {
		put(b, output->key, output->key_length);
		put(b, output->data, output->data_length);
	}
	return true;
}

bool seg_emit_issue(seg_emit_builder *b, seg_route *route, seg_reply_fn fn, void *arg)
{
	seg_script script = SEG_SCRIPT_EMIT;
	if (is_packed(b)) {
		seg_packed packed;
		const seg_stream *target = b->call->target;
		if (!seg_packer_finish(&b->packer, target->shape.packing, (int)target->packing_level,
				       &packed))
			return false;
		script = SEG_SCRIPT_EMIT_PACKED;
		put_word(b, packed.field);
		put(b, packed.value, packed.length);
		for (size_t i = 0; i < b->mark_count; i++)
			put_word(b, b->marks[i]);
	}
	return seg_route_script(route, script, fn, arg, has_counters(b) ? 3 : 2, (int)b->argc, b->argv,
				b->lengths);
}

/* --- reading its answer -------------------------------------------------------- */

static bool are_flags(const seg_reply *text, size_t count)
{
	return text && text->type == SEG_REPLY_TEXT && text->length == count &&
	       strspn(text->text, "01") == count && strchr(text->text, '0');
}

static seg_emit_answer read_answer(size_t records, const seg_reply *reply)
{
	const seg_reply *word = seg_reply_at(reply, 0), *second = seg_reply_at(reply, 1);
	int64_t done = seg_reply_number(second, -1), added = seg_reply_number(seg_reply_at(reply, 2), -1);
	if (seg_reply_is(word, "OK") && done >= 0 && (uint64_t)done <= records && added >= 0 && added <= done)
		return (seg_emit_answer){.outcome = SEG_EMIT_ADDED,
					 .done = (size_t)done,
					 .added = (size_t)added};
	if (seg_reply_is(word, "OLD") && are_flags(second, records))
		return (seg_emit_answer){.outcome = SEG_EMIT_OLD, .old = second->text};
	if (seg_reply_is(word, "STALE") && done > 0)
		return (seg_emit_answer){.outcome = SEG_EMIT_STALE, .epoch = (uint64_t)done};
	return (seg_emit_answer){.outcome = SEG_EMIT_FAILED};
}

seg_emit_answer seg_emit_read(size_t records, const seg_reply *reply)
{
	if (!reply)
		return (seg_emit_answer){.outcome = SEG_EMIT_LOST};
	if (reply->type != SEG_REPLY_ERROR)
		return read_answer(records, reply);
	return (seg_emit_answer){.outcome =
					 seg_reply_is_transient(reply) ? SEG_EMIT_REFUSED : SEG_EMIT_FAILED};
}
