#include "tail_source.h"

#include "message.h"
#include "position.h"
#include "stream/client.h"

enum { ARENA_BLOCK = 1 << 16 };

typedef struct {
	ctl_tail_sources *sources;
	uint64_t last; /* messages wanted of each partition */
	seg_arena arena;
} beginning;

void ctl_tail_sources_init(ctl_tail_sources *sources, ctl_context *context, const seg_stream *stream,
			   int64_t partition)
{
	uint32_t first = partition < 0 ? 0 : (uint32_t)partition;
	sources->context = context;
	sources->count = partition < 0 ? stream->shape.partitions : 1;
	sources->list = ctl_allocate(sources->count, sizeof(*sources->list));
	for (uint32_t i = 0; i < sources->count; i++) {
		sources->list[i].partition = first + i;
		seg_key_log(sources->list[i].log, context->client->name_space, stream->name, first + i);
	}
}

/* [[id, fields]] or [], the newest entry */
static void got_newest(void *arg, size_t i, const seg_reply *reply)
{
	beginning *b = arg;
	ctl_tail_source *s = &b->sources->list[i];
	ctl_entry entry;
	if (!ctl_entry_read(&entry, seg_reply_at(reply, 0), &b->arena))
		return;
	s->end = entry.messages[entry.count - 1].id;
	s->total = entry.packed ? entry.from + entry.count : 0;
	seg_arena_reset(&b->arena, ARENA_BLOCK);
}

static void got_first(void *arg, size_t i, const seg_reply *reply)
{
	ctl_tail_source *s = &((beginning *)arg)->sources->list[i];
	seg_id first;
	if (ctl_walk_read(reply, &first) > 0)
		s->next = ctl_id_before(first);
}

/* [[id, fields]]: if the entry is packed, skips the records before the last ones. */
static void got_first_entry(void *arg, size_t i, const seg_reply *reply)
{
	beginning *b = arg;
	ctl_tail_source *s = &b->sources->list[i];
	ctl_entry entry;
	if (!ctl_entry_read(&entry, seg_reply_at(reply, 0), &b->arena))
		return;
	if (entry.packed) {
		s->next = ctl_id_before(entry.messages[0].id);
		s->skip = s->total > entry.from + b->last ? s->total - entry.from - b->last : 0;
	}
	seg_arena_reset(&b->arena, ARENA_BLOCK);
}

static int run_batch(ctl_tail_sources *sources, ctl_batch *batch)
{
	int exit_code = ctl_batch_run(batch, sources->context->client, "read the stream");
	ctl_batch_destroy(batch);
	return exit_code;
}

static int find_ends(beginning *b)
{
	ctl_batch *batch = ctl_batch_create(false);
	for (uint32_t i = 0; i < b->sources->count; i++)
		ctl_batch_words(batch, got_newest, b, i, "XREVRANGE", b->sources->list[i].log, "+", "-",
				"COUNT", "1", (char *)NULL);
	return run_batch(b->sources, batch);
}

/* Steps back over as many entries as messages are wanted: enough, even if each entry is one message. */
static int step_back(beginning *b)
{
	ctl_batch *batch = ctl_batch_create(false);
	for (uint32_t i = 0; i < b->sources->count; i++) {
		ctl_tail_source *s = &b->sources->list[i];
		s->next = s->end;
		/* From after the newest message, so that the walk counts it. */
		ctl_walk_add(batch, got_first, b, i, s->log, ctl_id_after(s->end), "-", (int64_t)b->last);
	}
	return run_batch(b->sources, batch);
}

static int skip_records(beginning *b)
{
	ctl_batch *batch = ctl_batch_create(false);
	for (uint32_t i = 0; i < b->sources->count; i++) {
		const ctl_tail_source *s = &b->sources->list[i];
		char from[SEG_ID_TEXT_MAX + 1] = "(";
		seg_id_format(s->next, from + 1);
		if (s->total)
			ctl_batch_words(batch, got_first_entry, b, i, "XRANGE", s->log, from, "+", "COUNT",
					"1", (char *)NULL);
	}
	return run_batch(b->sources, batch);
}

int ctl_tail_sources_begin(ctl_tail_sources *sources, const seg_start *start, int64_t last)
{
	beginning b = {.sources = sources, .last = (uint64_t)last};
	seg_arena_init(&b.arena, ARENA_BLOCK);
	int exit_code = find_ends(&b);
	if (exit_code == 0 && !start)
		exit_code = step_back(&b);
	if (exit_code == 0 && !start)
		exit_code = skip_records(&b);
	for (uint32_t i = 0; i < sources->count && start; i++)
		sources->list[i].next = ctl_position_of_start(start, sources->list[i].end);
	seg_arena_fini(&b.arena);
	return exit_code;
}
