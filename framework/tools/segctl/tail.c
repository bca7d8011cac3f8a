/*
 * tail.c - `segctl tail`: the messages of a stream, as they lie in its partitions. Reads only, and belongs to
 * no group.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "batch.h"
#include "command.h"
#include "message.h"
#include "stream/client.h"
#include "stream/codec.h"
#include "table.h"
#include "text.h"

enum { READ_AT_ONCE = 100, ARENA_BLOCK = 1 << 16 };

#define LAST_DEFAULT 10
#define BLOCK_MS "500"

static const char *const codecs[] = {"raw", "segmenter-go", NULL};

static struct {
	int64_t partition, last, count;
	const char *from;
	bool follow, raw;
	int codec;
} given = {.partition = -1, .last = -1, .count = INT64_MAX};

/* clang-format off */
static const ctl_option options[] = {
	{"partition", 'p', "N", CTL_NUMBER, &given.partition, 0, 65535, NULL, "only this one"},
	{"last", 'l', "N", CTL_NUMBER, &given.last, 0, 1000000, NULL, "the last N of each partition (10)"},
	{"from", 0, "WHERE", CTL_TEXT, &given.from, 0, 0, NULL,
	 "earliest, latest, behind an id, or from a time (2026-11-23T13:00:00Z)"},
	{"follow", 'f', NULL, CTL_FLAG, &given.follow, 0, 0, NULL,
	 "go on with what is added, until interrupted"},
	{"count", 0, "N", CTL_NUMBER, &given.count, 1, INT64_MAX, NULL, "end after so many messages"},
	{"raw", 0, NULL, CTL_FLAG, &given.raw, 0, 0, NULL, "only the data, as it is, each with a line end"},
	{"codec", 0, "CODEC", CTL_CHOICE, &given.codec, 0, 0, codecs, "raw (the default) or segmenter-go"},
	CTL_OPTIONS_END,
};
/* clang-format on */

typedef struct {
	uint32_t number;
	char log[SEG_KEY_MAX];
	seg_id next;    /* read behind this one */
	seg_id end;     /* the last one there was at the beginning */
	uint64_t total; /* records ever, where they are packed */
	uint64_t skip;  /* of the first ones read: where they are packed, reading begins at a whole entry */
} source;

typedef struct {
	ctl_context *context;
	source *sources;
	uint32_t count;
	int64_t left;   /* messages still to be shown */
	size_t entries; /* of the newest answer */
	seg_arena arena;
} tailing;

/* --- showing one --------------------------------------------------------------------------------- */

static void show_for_people(uint32_t partition, const seg_message *m)
{
	char id[SEG_ID_TEXT_MAX];
	char *key = ctl_printable(m->key, m->key_length), *data = ctl_printable(m->data, m->data_length);
	printf("%2" PRIu32 "  %-15s  %-12s  %s", partition, seg_id_format(m->id, id), key, data);
	for (size_t i = 0; i < m->header_count; i++) {
		char *name = ctl_printable(m->headers[i].name, m->headers[i].name_length);
		char *value = ctl_printable(m->headers[i].value, m->headers[i].value_length);
		printf("  %s=%s", name, value);
		free(name);
		free(value);
	}
	putchar('\n');
	free(key);
	free(data);
}

static void show_as_csv(uint32_t partition, const seg_message *m)
{
	char id[SEG_ID_TEXT_MAX];
	printf("%" PRIu32 ",%s,", partition, seg_id_format(m->id, id));
	ctl_csv_print(m->key, m->key_length, stdout);
	putchar(',');
	ctl_csv_print(m->data, m->data_length, stdout);
	fputs("\r\n", stdout);
}

static void show(tailing *t, uint32_t partition, seg_message *m)
{
	/* What is no envelope is shown as it is. */
	if (given.codec)
		(void)seg_codec_decode((seg_codec)given.codec, m, &t->arena, NULL);
	if (given.raw) {
		fwrite(m->data, 1, m->data_length, stdout);
		putchar('\n');
	} else if (t->context->form == CTL_FORM_JSON) {
		json_t *object = ctl_message_json(m);
		json_object_set_new(object, "partition", json_integer(partition));
		ctl_json_print(object, true, stdout);
	} else if (t->context->form == CTL_FORM_CSV) {
		show_as_csv(partition, m);
	} else {
		show_for_people(partition, m);
	}
}

/* --- one answer: all partitions' messages, oldest first ----------------------------------------------- */

typedef struct {
	seg_message message;
	source *source;
} found;

typedef struct {
	found *list;
	size_t count, room;
} findings;

static int by_id(const void *a, const void *b)
{
	const found *x = a, *y = b;
	int order = seg_id_compare(x->message.id, y->message.id);
	return order ? order
		     : (x->source->number > y->source->number) - (x->source->number < y->source->number);
}

static source *source_of(tailing *t, const seg_reply *key)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (seg_reply_is(key, t->sources[i].log))
			return &t->sources[i];
	return NULL;
}

static void add_found(findings *all, source *s, const seg_message *message)
{
	if (all->count == all->room) {
		all->room = all->room ? 2 * all->room : 256;
		all->list = ctl_reallocate(all->list, all->room, sizeof(*all->list));
	}
	all->list[all->count++] = (found){*message, s};
}

/* The messages of an entry that are behind `next` and not behind the end. */
static void collect_entry(const ctl_entry *entry, source *s, findings *all)
{
	for (size_t i = 0; i < entry->count; i++) {
		const seg_message *m = &entry->messages[i];
		/* A position may lie within an entry, which then comes as a whole. */
		if (seg_id_compare(m->id, s->next) <= 0)
			continue;
		s->next = m->id;
		if (s->skip > 0)
			s->skip--;
		else if (given.follow || seg_id_compare(m->id, s->end) <= 0)
			add_found(all, s, m);
	}
}

static void collect(tailing *t, const seg_reply *entries, source *s, findings *all)
{
	for (size_t i = 0; entries && s && i < entries->count; i++) {
		ctl_entry entry;
		if (ctl_entry_read(&entry, entries->elements[i], &t->arena))
			collect_entry(&entry, s, all);
		t->entries++;
	}
}

static void got_entries(void *arg, size_t number, const seg_reply *reply)
{
	tailing *t = arg;
	findings all = {0};
	(void)number;
	t->entries = 0;
	for (size_t i = 0; i < reply->count; i++)
		collect(t, seg_reply_at(reply->elements[i], 1),
			source_of(t, seg_reply_at(reply->elements[i], 0)), &all);
	if (all.count)
		qsort(all.list, all.count, sizeof(*all.list), by_id);
	for (size_t i = 0; i < all.count && t->left > 0; i++, t->left--)
		show(t, all.list[i].source->number, &all.list[i].message);
	free(all.list);
	seg_arena_reset(&t->arena, ARENA_BLOCK);
}

static int read_more(tailing *t)
{
	size_t argc = 0;
	const char **argv = ctl_allocate(6 + 2 * (size_t)t->count, sizeof(*argv));
	char(*ids)[SEG_ID_TEXT_MAX] = ctl_allocate(t->count, sizeof(*ids)), count[16];
	snprintf(count, sizeof(count), "%d", READ_AT_ONCE);
	argv[argc++] = "XREAD";
	argv[argc++] = "COUNT";
	argv[argc++] = count;
	if (given.follow) {
		argv[argc++] = "BLOCK";
		argv[argc++] = BLOCK_MS;
	}
	argv[argc++] = "STREAMS";
	for (uint32_t i = 0; i < t->count; i++)
		argv[argc + i] = t->sources[i].log;
	for (uint32_t i = 0; i < t->count; i++)
		argv[argc + t->count + i] = seg_id_format(t->sources[i].next, ids[i]);
	argc += 2 * (size_t)t->count;
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_command(batch, got_entries, t, 0, (int)argc, argv);
	int exit_code = ctl_batch_run(batch, t->context->client, "read the stream");
	ctl_batch_destroy(batch);
	free(ids);
	free(argv);
	if (exit_code == EX_OK && fflush(stdout))
		return ctl_complain(EX_IOERR, "cannot write any more");
	return exit_code;
}

static bool at_end(const tailing *t)
{
	bool more = false;
	for (uint32_t i = 0; i < t->count; i++)
		more |= seg_id_compare(t->sources[i].next, t->sources[i].end) < 0;
	/* Entries that were removed meanwhile never come. */
	return t->left == 0 || (!given.follow && (!more || t->entries == 0));
}

/* --- where to begin ------------------------------------------------------------------------------------- */

static int64_t last_wanted(void)
{
	return given.last < 0 ? LAST_DEFAULT : given.last;
}

/* [[id, fields]] or [], the newest entry */
static void got_newest(void *arg, size_t i, const seg_reply *reply)
{
	tailing *t = arg;
	ctl_entry entry;
	if (!ctl_entry_read(&entry, seg_reply_at(reply, 0), &t->arena))
		return;
	t->sources[i].end = entry.messages[entry.count - 1].id;
	t->sources[i].total = entry.packed ? entry.from + entry.count : 0;
	seg_arena_reset(&t->arena, ARENA_BLOCK);
}

/* [OK, steps, id]: the entry to begin with */
static void got_first(void *arg, size_t i, const seg_reply *reply)
{
	source *s = &((tailing *)arg)->sources[i];
	const seg_reply *id = seg_reply_at(reply, 2);
	if (seg_reply_number(seg_reply_at(reply, 1), 0) == 0 || !id || seg_id_parse(id->text, &s->next) != 0)
		return;
	s->next = s->next.seq ? (seg_id){s->next.ms, s->next.seq - 1} : (seg_id){s->next.ms - 1, UINT64_MAX};
}

/* That entry: of a packed one, those before the last N records are passed over. */
static void got_first_entry(void *arg, size_t i, const seg_reply *reply)
{
	tailing *t = arg;
	source *s = &t->sources[i];
	uint64_t last = (uint64_t)last_wanted();
	ctl_entry entry;
	if (!ctl_entry_read(&entry, seg_reply_at(reply, 0), &t->arena))
		return;
	if (entry.packed) {
		seg_id first = entry.messages[0].id;
		s->next = first.seq ? (seg_id){first.ms, first.seq - 1} : (seg_id){first.ms - 1, UINT64_MAX};
		s->skip = s->total > entry.from + last ? s->total - entry.from - last : 0;
	}
	seg_arena_reset(&t->arena, ARENA_BLOCK);
}

static void begin_at(tailing *t, const seg_start *start)
{
	for (uint32_t i = 0; i < t->count; i++) {
		source *s = &t->sources[i];
		switch (start->kind) {
		case SEG_START_EARLIEST:
			s->next = (seg_id){0, 0};
			break;
		case SEG_START_LATEST:
			s->next = s->end;
			break;
		case SEG_START_AFTER_ID:
			s->next = start->id;
			break;
		case SEG_START_TIME:
			s->next = start->id.ms ? (seg_id){start->id.ms - 1, UINT64_MAX} : (seg_id){0, 0};
			break;
		}
	}
}

static int begin(tailing *t)
{
	seg_start start;
	seg_error error;
	char steps[24], behind[SEG_ID_TEXT_MAX];
	if (given.from && given.last >= 0)
		return ctl_complain(EX_USAGE, "give one of --from and --last");
	if (given.from && seg_start_parse(given.from, &start, &error))
		return ctl_complain(EX_USAGE, "--from: %s", error.text);
	ctl_batch *batch = ctl_batch_create(false);
	for (uint32_t i = 0; i < t->count; i++)
		ctl_batch_words(batch, got_newest, t, i, "XREVRANGE", t->sources[i].log, "+", "-", "COUNT",
				"1", (char *)NULL);
	int exit_code = ctl_batch_run(batch, t->context->client, "read the stream");
	snprintf(steps, sizeof(steps), "%" PRId64, last_wanted());
	for (uint32_t i = 0; i < t->count && !given.from; i++) {
		source *s = &t->sources[i];
		s->next = s->end;
		/* From behind the end, so that it counts, too. */
		seg_id_format((seg_id){s->end.ms, s->end.seq + (s->end.seq < UINT64_MAX)}, behind);
		const char *argv[] = {s->log, behind, "-", steps};
		ctl_batch_script(batch, got_first, t, i, SEG_SCRIPT_WALK, 1, 4, argv);
	}
	if (exit_code == EX_OK)
		exit_code = ctl_batch_run(batch, t->context->client, "read the stream");
	for (uint32_t i = 0; i < t->count && !given.from; i++) {
		source *s = &t->sources[i];
		char from[SEG_ID_TEXT_MAX + 1] = "(";
		seg_id_format(s->next, from + 1);
		if (s->total)
			ctl_batch_words(batch, got_first_entry, t, i, "XRANGE", s->log, from, "+", "COUNT",
					"1", (char *)NULL);
	}
	if (exit_code == EX_OK)
		exit_code = ctl_batch_run(batch, t->context->client, "read the stream");
	ctl_batch_destroy(batch);
	if (exit_code == EX_OK && given.from)
		begin_at(t, &start);
	return exit_code;
}

/*
 * --- the command ------------------------------------------------------------------------------------------
 */

static int make_sources(tailing *t, const seg_stream *stream)
{
	uint32_t partitions = stream->shape.partitions;
	if (given.partition >= (int64_t)partitions)
		return ctl_complain(EX_NOINPUT,
				    "stream \"%s\" has the partitions 0 to %" PRIu32 ", not %" PRId64,
				    stream->name, partitions - 1, given.partition);
	uint32_t first = given.partition < 0 ? 0 : (uint32_t)given.partition;
	t->count = given.partition < 0 ? partitions : 1;
	t->sources = ctl_allocate(t->count, sizeof(*t->sources));
	for (uint32_t i = 0; i < t->count; i++) {
		t->sources[i].number = first + i;
		seg_key_log(t->sources[i].log, t->context->client->name_space, stream->name, first + i);
	}
	return EX_OK;
}

static int tail(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	tailing t = {.context = context, .left = given.count};
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	seg_arena_init(&t.arena, ARENA_BLOCK);
	exit_code = make_sources(&t, stream);
	if (exit_code == EX_OK)
		exit_code = begin(&t);
	if (exit_code == EX_OK && context->form == CTL_FORM_CSV && !given.raw)
		fputs("partition,id,key,data\r\n", stdout);
	t.entries = 1;
	while (exit_code == EX_OK && !at_end(&t))
		exit_code = read_more(&t);
	seg_arena_fini(&t.arena);
	free(t.sources);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_tail = {
	"tail",
	NULL,
	"STREAM",
	1,
	1,
	"Shows the messages of a stream, of all groups and none",
	"Partition, id, key and data of each, oldest first as far as they come together; -o json is one "
	"object a line.",
	options,
	tail,
};
