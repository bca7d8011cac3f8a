/* tail.c - `segctl tail`: shows the messages of a stream. Only reads, and joins no group. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "batch.h"
#include "command.h"
#include "directory.h"
#include "message.h"
#include "message_print.h"
#include "stream/client.h"
#include "stream/codec.h"
#include "tail_source.h"
#include "when.h"

enum { READ_AT_ONCE = 100, ARENA_BLOCK = 1 << 16 };

#define LAST_DEFAULT 10
#define BLOCK_MS "500"
#define FOLLOW_PAUSE 100000000 /* ns; between two reads of a cluster that found nothing */

static struct {
	int64_t partition, last, count;
	const char *from;
	const char *key, *grep;
	bool follow, raw, times;
	int codec;
} given = {.partition = -1, .last = -1, .count = INT64_MAX};

/* clang-format off */
static const ctl_option options[] = {
	{"partition", 'p', "N", CTL_NUMBER, &given.partition, 0, 65535, NULL, "only this partition"},
	{"last", 'l', "N", CTL_NUMBER, &given.last, 0, 1000000, NULL,
	 "the last N messages of each partition (10)"},
	{"from", 0, "WHERE", CTL_TEXT, &given.from, 0, 0, NULL,
	 "begin at " CTL_WHEN_HELP},
	{"key", 'k', "KEY", CTL_TEXT, &given.key, 0, 0, NULL,
	 "only messages with this key; without --last, from the earliest on"},
	{"grep", 'g', "REGEX", CTL_TEXT, &given.grep, 0, 0, NULL,
	 "only messages whose data this extended regular expression matches; likewise"},
	{"times", 0, NULL, CTL_FLAG, &given.times, 0, 0, NULL, "show the time of each message instead of its id"},
	{"follow", 'f', NULL, CTL_FLAG, &given.follow, 0, 0, NULL,
	 "show new messages as they come, until interrupted"},
	{"count", 0, "N", CTL_NUMBER, &given.count, 1, INT64_MAX, NULL, "stop after N messages"},
	{"raw", 0, NULL, CTL_FLAG, &given.raw, 0, 0, NULL,
	 "only the data, unchanged, and a line break after each"},
	{"codec", 0, "CODEC", CTL_CHOICE, &given.codec, 0, 0, seg_codec_names,
	 "raw (the default) or segmenter-go"},
	CTL_OPTIONS_END,
};
/* clang-format on */

typedef struct {
	ctl_context *context;
	ctl_tail_sources sources;
	int64_t left;   /* messages still to show */
	size_t entries; /* in the last reply */
	seg_arena arena;
	regex_t pattern; /* of --grep */
} tailing;

/* --- one reply: the messages of all partitions, oldest first ------------------------------------------ */

typedef struct {
	seg_message message;
	uint32_t partition;
} found;

typedef struct {
	found *list;
	size_t count, room;
} findings;

static int by_id(const void *a, const void *b)
{
	const found *x = a, *y = b;
	int order = seg_id_compare(x->message.id, y->message.id);
	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static ctl_tail_source *source_of(tailing *t, const seg_reply *key)
{
	for (uint32_t i = 0; i < t->sources.count; i++)
		if (seg_reply_is(key, t->sources.list[i].log))
			return &t->sources.list[i];
	return NULL;
}

static void add_found(findings *all, uint32_t partition, const seg_message *message)
{
	if (all->count == all->room) {
		all->room = all->room ? 2 * all->room : 256;
		all->list = ctl_reallocate(all->list, all->room, sizeof(*all->list));
	}
	all->list[all->count++] = (found){*message, partition};
}

/* The entry's messages that are after `next` and, unless following, not after the end. */
static void collect_entry(const ctl_entry *entry, ctl_tail_source *s, findings *all)
{
	for (size_t i = 0; i < entry->count; i++) {
		const seg_message *m = &entry->messages[i];
		/* A position may lie within an entry; Redis returns the whole entry. */
		if (seg_id_compare(m->id, s->next) <= 0)
			continue;
		s->next = m->id;
		if (s->skip > 0)
			s->skip--;
		else if (given.follow || seg_id_compare(m->id, s->end) <= 0)
			add_found(all, s->partition, m);
	}
}

static void collect(tailing *t, const seg_reply *entries, ctl_tail_source *s, findings *all)
{
	for (size_t i = 0; entries && s && i < entries->count; i++) {
		ctl_entry entry;
		if (ctl_entry_read(&entry, entries->elements[i], &t->arena))
			collect_entry(&entry, s, all);
		t->entries++;
	}
}

static bool is_wanted(tailing *t, const seg_message *m)
{
	if (given.key &&
	    (strlen(given.key) != m->key_length || memcmp(given.key, m->key, m->key_length) != 0))
		return false;
	if (!given.grep)
		return true;
	regmatch_t all = {.rm_so = 0, .rm_eo = (regoff_t)m->data_length};
	return regexec(&t->pattern, m->data_length ? m->data : "", 1, &all, REG_STARTEND) == 0;
}

/* Whether it was shown. */
static bool show(tailing *t, found *f)
{
	seg_message *m = &f->message;
	/* Data that is no envelope is shown undecoded. */
	if (given.codec)
		(void)seg_codec_decode((seg_codec)given.codec, m, &t->arena, NULL);
	if (!is_wanted(t, m))
		return false;
	if (given.raw) {
		fwrite(m->data, 1, m->data_length, stdout);
		putchar('\n');
	} else {
		ctl_message_print(m, f->partition, t->context->form, given.times);
	}
	return true;
}

/* [[log, entries], ...] */
static void got_entries(void *arg, size_t number, const seg_reply *reply)
{
	tailing *t = arg;
	findings all = {0};
	(void)number;
	for (size_t i = 0; i < reply->count; i++)
		collect(t, seg_reply_at(reply->elements[i], 1),
			source_of(t, seg_reply_at(reply->elements[i], 0)), &all);
	if (all.count)
		qsort(all.list, all.count, sizeof(*all.list), by_id);
	for (size_t i = 0; i < all.count && t->left > 0; i++)
		t->left -= show(t, &all.list[i]);
	free(all.list);
	seg_arena_reset(&t->arena, ARENA_BLOCK);
}

/* --- reading --------------------------------------------------------------------------------------- */

/* Reads `count` partitions from the first one on. */
static void add_read(tailing *t, ctl_batch *batch, uint32_t first, uint32_t count, bool block)
{
	const ctl_tail_source *sources = &t->sources.list[first];
	size_t argc = 0;
	const char **argv = ctl_allocate(6 + 2 * (size_t)count, sizeof(*argv));
	char(*ids)[SEG_ID_TEXT_MAX] = ctl_allocate(count, sizeof(*ids)), limit[16];
	snprintf(limit, sizeof(limit), "%d", READ_AT_ONCE);
	argv[argc++] = "XREAD";
	argv[argc++] = "COUNT";
	argv[argc++] = limit;
	if (block) {
		argv[argc++] = "BLOCK";
		argv[argc++] = BLOCK_MS;
	}
	argv[argc++] = "STREAMS";
	for (uint32_t i = 0; i < count; i++) {
		argv[argc + i] = sources[i].log;
		argv[argc + count + i] = seg_id_format(sources[i].next, ids[i]);
	}
	argc += 2 * (size_t)count;
	ctl_batch_command(batch, got_entries, t, 0, (int)argc, argv);
	free(ids);
	free(argv);
}

/* A cluster reads no two partitions with one command, and one that blocks would keep the others waiting. */
static void add_reads(tailing *t, ctl_batch *batch)
{
	bool cluster = seg_route_is_cluster(t->context->client->route);
	for (uint32_t i = 0; i < t->sources.count && cluster; i++)
		add_read(t, batch, i, 1, false);
	if (!cluster)
		add_read(t, batch, 0, t->sources.count, given.follow);
	else if (given.follow && t->entries == 0)
		ctl_pause(FOLLOW_PAUSE);
}

static int read_more(tailing *t)
{
	ctl_batch *batch = ctl_batch_create(false);
	add_reads(t, batch);
	t->entries = 0;
	int exit_code = ctl_batch_run(batch, t->context->client, "read the stream");
	ctl_batch_destroy(batch);
	return exit_code ? exit_code : ctl_flush();
}

static bool at_end(const tailing *t)
{
	bool more = false;
	for (uint32_t i = 0; i < t->sources.count; i++)
		more |= seg_id_compare(t->sources.list[i].next, t->sources.list[i].end) < 0;
	/* Entries that were removed in the meantime never come. */
	return t->left == 0 || (!given.follow && (!more || t->entries == 0));
}

/* --- the command ------------------------------------------------------------------------------------ */

static int read_options(ctl_context *context, seg_start *start)
{
	if (given.from && given.last >= 0)
		return ctl_complain(EX_USAGE, "give only one of --from and --last");
	return given.from ? ctl_when_read(context, "from", given.from, start) : EX_OK;
}

static int show_all(tailing *t, const seg_stream *stream)
{
	seg_start start;
	bool from = given.from, filtered = given.key || given.grep;
	int64_t last = given.last < 0 ? LAST_DEFAULT : given.last, partition = given.partition;
	int exit_code = read_options(t->context, &start);
	if (exit_code == EX_OK)
		exit_code = ctl_check_partition(stream, given.partition);
	if (exit_code)
		return exit_code;
	if (filtered && !from && given.last < 0) {
		start = (seg_start){.kind = SEG_START_EARLIEST};
		from = true;
	}
	/* All messages of a key are in one partition. */
	if (given.key && partition < 0)
		partition = seg_partition_of(given.key, strlen(given.key), stream->shape.partitions);
	ctl_tail_sources_init(&t->sources, t->context, stream, partition);
	exit_code = ctl_tail_sources_begin(&t->sources, from ? &start : NULL, last);
	if (exit_code == EX_OK && t->context->form == CTL_FORM_CSV && !given.raw)
		ctl_message_print_csv_head();
	t->entries = 1;
	while (exit_code == EX_OK && !at_end(t))
		exit_code = read_more(t);
	free(t->sources.list);
	return exit_code;
}

static int tail(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	tailing t = {.context = context, .left = given.count};
	(void)argc;
	if (given.grep && regcomp(&t.pattern, given.grep, REG_EXTENDED))
		return ctl_complain(EX_USAGE, "--grep %s: this is no extended regular expression",
				    given.grep);
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	seg_arena_init(&t.arena, ARENA_BLOCK);
	exit_code = show_all(&t, stream);
	seg_arena_fini(&t.arena);
	if (given.grep)
		regfree(&t.pattern);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_tail = {
	"tail",
	NULL,
	"STREAM",
	1,
	1,
	"Shows the messages of a stream, whatever groups did with them",
	"Shows partition, id, key and data of each message, oldest first among those that Redis returns together. -o json "
	"prints one object a line; its headers are an array of name and value, because a name may come twice.",
	options,
	tail,
};
