#include "value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "batch.h"
#include "complain.h"
#include "cursor.h"
#include "partition/value_store.h"
#include "stream/client.h"

typedef struct {
	const seg_route *route;
	uint32_t partition;
	char key[SEG_KEY_MAX];
	ctl_cursor cursor;
	ctl_value_visit visit;
	void *arg;
	bool over; /* the visit wants no more */
} walk;

static walk begin(const ctl_context *context, const seg_stream *stream, const char *group, uint32_t partition,
		  ctl_value_visit visit, void *arg)
{
	walk w = {.route = context->client->route, .partition = partition, .visit = visit, .arg = arg};
	ctl_cursor_begin(&w.cursor);
	seg_key_beside_log(w.key, context->client->name_space, stream->name, partition, group, "values");
	return w;
}

/* A field that is no value's is passed over. */
static void pass_on(walk *w, const char *field, size_t field_length, const seg_reply *content)
{
	uint16_t slot;
	size_t at = seg_value_field_parse(field, field_length, &slot);
	if (w->over || at == 0 || content->type != SEG_REPLY_TEXT)
		return;
	ctl_value value = {.partition = w->partition,
			   .slot = slot == SEG_SLOT_NONE ? -1 : slot,
			   .name = field + at,
			   .name_length = field_length - at,
			   .content = content->text,
			   .length = content->length};
	w->over = !w->visit(w->arg, &value);
}

/* --- all -------------------------------------------------------------------------------------------- */

static void got_page(void *arg, size_t number, const seg_reply *reply)
{
	walk *w = arg;
	const seg_reply *list = seg_reply_at(reply, 1);
	(void)number;
	if (!ctl_cursor_take(&w->cursor, w->route, reply))
		return;
	for (size_t i = 0; list && i + 1 < list->count; i += 2)
		if (list->elements[i]->type == SEG_REPLY_TEXT)
			pass_on(w, list->elements[i]->text, list->elements[i]->length, list->elements[i + 1]);
}

static int walk_partition(ctl_context *context, ctl_batch *batch, walk *w)
{
	int exit_code;
	do {
		ctl_batch_words(batch, got_page, w, 0, "HSCAN", w->key, w->cursor.text, "COUNT", "64",
				(char *)NULL);
		exit_code = ctl_batch_run(batch, context->client, "read the state");
	} while (exit_code == 0 && !w->over && ctl_cursor_goes_on(&w->cursor));
	if (exit_code == 0 && w->cursor.torn)
		return ctl_complain(
			EX_TEMPFAIL,
			"the connection to the Redis that has partition %" PRIu32
			" was replaced while its values were read, so some may be missing; run the command "
			"again",
			w->partition);
	return exit_code;
}

int ctl_values_visit(ctl_context *context, const seg_stream *stream, const char *group, int64_t partition,
		     ctl_value_visit visit, void *arg)
{
	ctl_batch *batch = ctl_batch_create(false);
	int exit_code = 0;
	bool over = false;
	for (uint32_t p = 0; p < stream->shape.partitions && exit_code == 0 && !over; p++) {
		if (partition >= 0 && partition != (int64_t)p)
			continue;
		walk w = begin(context, stream, group, p, visit, arg);
		exit_code = walk_partition(context, batch, &w);
		over = w.over;
	}
	ctl_batch_destroy(batch);
	return exit_code;
}

/* --- of one name ------------------------------------------------------------------------------------- */

enum { FIELDS = SEG_SLOTS + 1, WORDS = FIELDS + 2 };

/* The fields that a name can have: that of the partition, and those of its slots. */
typedef struct {
	const char *words[WORDS]; /* a command; the fields are ours */
	size_t lengths[FIELDS];
	walk w;
} search;

static void make_fields(search *s, const char *name, size_t length)
{
	s->words[0] = "HMGET";
	for (size_t i = 0; i < FIELDS; i++) {
		char prefix[SEG_VALUE_PREFIX_MAX];
		size_t before = seg_value_prefix(prefix, i == 0 ? SEG_SLOT_NONE : (uint16_t)(i - 1));
		char *field = ctl_allocate(before + length + 1, 1);
		memcpy(field, prefix, before);
		memcpy(field + before, name, length);
		s->words[2 + i] = field;
		s->lengths[i] = before + length;
	}
}

static void free_fields(search *s)
{
	for (size_t i = 0; i < FIELDS; i++)
		free((char *)(uintptr_t)s->words[2 + i]);
}

static void got_fields(void *arg, size_t number, const seg_reply *reply)
{
	search *s = arg;
	(void)number;
	for (size_t i = 0; i < reply->count && i < FIELDS; i++)
		pass_on(&s->w, s->words[2 + i], s->lengths[i], reply->elements[i]);
}

static int search_all(ctl_context *context, const seg_stream *stream, const char *group, int64_t partition,
		      search *s)
{
	const walk wanted = s->w;
	ctl_batch *batch = ctl_batch_create(false);
	int exit_code = 0;
	for (uint32_t p = 0; p < stream->shape.partitions && exit_code == 0 && !s->w.over; p++) {
		if (partition >= 0 && partition != (int64_t)p)
			continue;
		s->w = begin(context, stream, group, p, wanted.visit, wanted.arg);
		s->words[1] = s->w.key;
		ctl_batch_command(batch, got_fields, s, 0, WORDS, s->words);
		exit_code = ctl_batch_run(batch, context->client, "read the state");
	}
	ctl_batch_destroy(batch);
	return exit_code;
}

/* Of a walk over all values, for a name that no word of a command can be. */
typedef struct {
	const char *name;
	size_t length;
	ctl_value_visit visit;
	void *arg;
} filter;

static bool visit_if_named(void *arg, const ctl_value *value)
{
	const filter *f = arg;
	return value->name_length != f->length || memcmp(value->name, f->name, f->length) != 0 ||
	       f->visit(f->arg, value);
}

int ctl_values_find(ctl_context *context, const seg_stream *stream, const char *group, int64_t partition,
		    const char *name, size_t length, ctl_value_visit visit, void *arg)
{
	filter f = {name, length, visit, arg};
	if (memchr(name, '\0', length))
		return ctl_values_visit(context, stream, group, partition, visit_if_named, &f);
	search *s = ctl_allocate(1, sizeof(*s));
	s->w = (walk){.visit = visit, .arg = arg};
	make_fields(s, name, length);
	int exit_code = search_all(context, stream, group, partition, s);
	free_fields(s);
	free(s);
	return exit_code;
}
