#include "dead_letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "batch.h"
#include "ending.h"
#include "position.h"
#include "stream/client.h"
#include "when.h"

/* Before the message's own fields: id reason attempts handler partition time_ms, each a name and a value. */
enum { HEAD_FIELDS = 6, HEAD = 2 * HEAD_FIELDS, PAGE = 100 };

/* --- the filter -------------------------------------------------------------------------- */

int ctl_letter_filter_init(ctl_letter_filter *filter, ctl_context *context, const seg_stream *stream)
{
	int exit_code = ctl_check_partition(stream, filter->partition);
	if (exit_code || !filter->since)
		return exit_code;
	return ctl_when_read_time(context, "since", filter->since, &filter->since_ms);
}

static bool is_selected(const ctl_letter_filter *filter, const ctl_dead_letter *letter)
{
	const seg_message *m = &letter->content.message;
	if (filter->handler && strcmp(filter->handler, letter->handler) != 0)
		return false;
	if (filter->reason && !strstr(letter->reason, filter->reason))
		return false;
	if (filter->key &&
	    (strlen(filter->key) != m->key_length || memcmp(filter->key, m->key, m->key_length) != 0))
		return false;
	return letter->time_ms >= filter->since_ms;
}

/* --- reading them ------------------------------------------------------------------------------- */

/* Copies a page, because fn may send commands, and a reply is valid only until the next one comes. */
static void copy_reply(seg_reply *to, const seg_reply *from)
{
	*to = *from;
	if (from->text)
		to->text = ctl_copy(from->text, from->length);
	if (from->type != SEG_REPLY_ARRAY)
		return;
	to->elements = ctl_allocate(from->count, sizeof(*to->elements));
	for (size_t i = 0; i < from->count; i++) {
		to->elements[i] = ctl_allocate(1, sizeof(seg_reply));
		copy_reply(to->elements[i], from->elements[i]);
	}
}

static void free_reply(seg_reply *reply)
{
	for (size_t i = 0; reply->type == SEG_REPLY_ARRAY && i < reply->count; i++) {
		free_reply(reply->elements[i]);
		free(reply->elements[i]);
	}
	free(reply->elements);
	free((void *)(uintptr_t)reply->text);
}

static void got_page(void *arg, size_t number, const seg_reply *reply)
{
	(void)number;
	copy_reply(arg, reply);
}

static bool read_letter(ctl_dead_letter *letter, uint32_t partition, const seg_reply *entry)
{
	const seg_reply *fields = seg_reply_at(entry, 1);
	*letter = (ctl_dead_letter){.partition = partition};
	if (!ctl_message_read(&letter->content, entry, HEAD))
		return false;
	bool head = fields->count >= HEAD && seg_reply_is(fields->elements[0], "id") &&
		    seg_reply_is(fields->elements[2], "reason");
	if (!head)
		return false;
	/* All fields are texts: ctl_message_read checked them. */
	seg_id_format(letter->content.message.id, letter->id);
	(void)ctl_id_read(fields->elements[1], &letter->original);
	letter->reason = fields->elements[3]->text;
	letter->attempts = (uint64_t)seg_reply_number(fields->elements[5], 0);
	letter->handler = fields->elements[7]->text;
	letter->time_ms = (uint64_t)seg_reply_number(fields->elements[11], 0);
	return true;
}

/* False: fn wants no more. */
static bool visit_page(const seg_reply *entries, uint32_t partition, const ctl_letter_filter *filter,
		       ctl_letter_fn fn, void *arg)
{
	bool on = true;
	for (size_t i = 0; i < entries->count && on; i++) {
		ctl_dead_letter letter;
		if (read_letter(&letter, partition, entries->elements[i]) && is_selected(filter, &letter))
			on = fn(arg, &letter);
		ctl_message_fini(&letter.content);
	}
	return on;
}

/* The start of the next page in *from; false if this was the last one. */
static bool next_page(const seg_reply *entries, char from[SEG_ID_TEXT_MAX + 1])
{
	seg_id last;
	if (entries->count < PAGE ||
	    !ctl_id_read(seg_reply_at(entries->elements[entries->count - 1], 0), &last))
		return false;
	from[0] = '(';
	seg_id_format(last, from + 1);
	return true;
}

/* Sets *on to false when fn wants no more. */
static int visit_partition(ctl_context *context, const seg_stream *stream, const char *group, uint32_t p,
			   const ctl_letter_filter *filter, ctl_letter_fn fn, void *arg, bool *on)
{
	char key[SEG_KEY_MAX], from[SEG_ID_TEXT_MAX + 1] = "-", count[16];
	int exit_code = EX_OK;
	snprintf(count, sizeof(count), "%d", PAGE);
	seg_key_beside_log(key, stream->client->name_space, stream->name, p, group, "dead");
	ctl_batch *batch = ctl_batch_create(false);
	for (bool more = true; *on && more && exit_code == EX_OK && !ctl_ending_signal();) {
		seg_reply entries = {.type = SEG_REPLY_NIL};
		ctl_batch_words(batch, got_page, &entries, 0, "XRANGE", key, from, "+", "COUNT", count,
				(char *)NULL);
		exit_code = ctl_batch_run(batch, context->client, "read the dead letters");
		more = next_page(&entries, from);
		*on = visit_page(&entries, p, filter, fn, arg);
		free_reply(&entries);
	}
	ctl_batch_destroy(batch);
	return exit_code;
}

int ctl_letters_visit(ctl_context *context, const seg_stream *stream, const char *group,
		      const ctl_letter_filter *filter, ctl_letter_fn fn, void *arg)
{
	bool on = true;
	int exit_code = EX_OK;
	for (uint32_t p = 0; p < stream->shape.partitions && on && exit_code == EX_OK; p++)
		if (filter->partition < 0 || filter->partition == (int64_t)p)
			exit_code = visit_partition(context, stream, group, p, filter, fn, arg, &on);
	return exit_code;
}

int ctl_letter_remove(ctl_context *context, const seg_stream *stream, const char *group,
		      const ctl_dead_letter *letter, const char *remark)
{
	char key[SEG_KEY_MAX], what[256];
	snprintf(what, sizeof(what), "remove dead letter %s of partition %" PRIu32 "%s", letter->id,
		 letter->partition, remark);
	seg_key_beside_log(key, stream->client->name_space, stream->name, letter->partition, group, "dead");
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_words(batch, NULL, NULL, 0, "XDEL", key, letter->id, (char *)NULL);
	int exit_code = ctl_batch_run(batch, context->client, what);
	ctl_batch_destroy(batch);
	return exit_code;
}
