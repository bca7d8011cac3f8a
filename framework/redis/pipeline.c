#include "redis/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { FIRST_CAPACITY = 64 };

bool seg_pipeline_init(seg_pipeline *pipeline)
{
	*pipeline = (seg_pipeline){.capacity = FIRST_CAPACITY};
	pipeline->waiting = calloc(pipeline->capacity, sizeof(*pipeline->waiting));
	return pipeline->waiting;
}

void seg_pipeline_fini(seg_pipeline *pipeline)
{
	seg_outgoing_fini(&pipeline->output);
	seg_outgoing_fini(&pipeline->kept);
	free(pipeline->waiting);
	pipeline->waiting = NULL;
}

static bool grow(seg_pipeline *p)
{
	seg_waiting_command *larger = calloc(p->capacity * 2, sizeof(*larger));
	if (!larger)
		return false;
	for (size_t i = 0; i < p->count; i++)
		larger[i] = p->waiting[(p->head + i) & (p->capacity - 1)];
	free(p->waiting);
	p->waiting = larger;
	p->head = 0;
	p->capacity *= 2;
	return true;
}

static bool push(seg_pipeline *p, const seg_waiting_command *command)
{
	if (p->count == p->capacity && !grow(p))
		return false;
	if (p->count == 0) {
		p->busy_since = seg_now();
		p->sole = true;
	}
	p->waiting[(p->head + p->count) & (p->capacity - 1)] = *command;
	p->count++;
	return true;
}

static seg_waiting_command *newest(seg_pipeline *p)
{
	return &p->waiting[(p->head + p->count - 1) & (p->capacity - 1)];
}

/* Keeps what was written since the output had `before` bytes. Without memory the command cannot be moved. */
static void keep_newest(seg_pipeline *p, size_t before)
{
	size_t length = seg_outgoing_length(&p->output) - before;
	if (p->follow != SEG_FOLLOW_NONE &&
	    seg_outgoing_append(&p->kept, p->output.bytes + p->output.end - length, length))
		newest(p)->kept = length;
}

bool seg_pipeline_command(seg_pipeline *p, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
			  const char *const *argv, const size_t *lengths)
{
	const seg_waiting_command command = {.fn = fn, .arg = arg, .sink = sink, .follow = p->follow};
	size_t before = seg_outgoing_length(&p->output);
	if (!seg_outgoing_reserve(&p->output, 0, argc, argv, lengths) || !push(p, &command))
		return false;
	seg_outgoing_command(&p->output, argc, argv, lengths);
	keep_newest(p, before);
	return true;
}

bool seg_pipeline_script(seg_pipeline *p, seg_script script, bool by_text, seg_reply_fn fn, void *arg,
			 int keys, int argc, const char *const *argv, const size_t *lengths)
{
	char key_count[12];
	snprintf(key_count, sizeof(key_count), "%d", keys);
	const struct seg_script_source *source = &seg_script_sources[script];
	const char *head[3] = {by_text ? "EVAL" : "EVALSHA", by_text ? source->text : source->sha1,
			       key_count};
	size_t more = by_text ? strlen(source->text) : 0;
	const seg_waiting_command command = {.fn = fn, .arg = arg, .follow = p->follow};
	size_t before = seg_outgoing_length(&p->output);
	if (!seg_outgoing_reserve(&p->output, more, argc, argv, lengths) || !push(p, &command))
		return false;
	seg_outgoing_begin(&p->output, 3 + argc);
	seg_outgoing_arguments(&p->output, 3, head, NULL);
	seg_outgoing_arguments(&p->output, argc, argv, lengths);
	keep_newest(p, before);
	return true;
}

static void ignore_answer(void *arg, const seg_reply *reply)
{
	(void)arg;
	(void)reply;
}

bool seg_pipeline_again(seg_pipeline *p, const seg_waiting_command *command, const char *bytes, bool asking)
{
	static const char ask[] = "*1\r\n$6\r\nASKING\r\n";
	const seg_waiting_command before = {.fn = ignore_answer};
	seg_waiting_command again = *command;
	again.hops++;
	size_t length = seg_outgoing_length(&p->output);
	if (asking && !seg_outgoing_append(&p->output, ask, sizeof(ask) - 1))
		return false;
	bool good = seg_outgoing_append(&p->output, bytes, command->kept) && (!asking || push(p, &before));
	if (good && push(p, &again)) {
		newest(p)->kept = 0;
		if (seg_outgoing_append(&p->kept, bytes, command->kept))
			newest(p)->kept = command->kept;
		return true;
	}
	if (good && asking)
		p->count--;
	p->output.end -= seg_outgoing_length(&p->output) - length;
	return false;
}

bool seg_pipeline_join(seg_pipeline *to, seg_pipeline *from)
{
	size_t length = seg_outgoing_length(&from->output), kept = seg_outgoing_length(&from->kept);
	bool good = (length == 0 ||
		     seg_outgoing_append(&to->output, seg_outgoing_bytes(&from->output), length)) &&
		    (kept == 0 || seg_outgoing_append(&to->kept, seg_outgoing_bytes(&from->kept), kept));
	while (good && from->count > 0) {
		const seg_waiting_command command = from->waiting[from->head];
		good = push(to, &command);
		if (good)
			(void)seg_pipeline_pop(from);
	}
	if (good)
		seg_pipeline_clear(from);
	return good;
}

void seg_pipeline_clear(seg_pipeline *p)
{
	seg_outgoing_wipe(&p->output);
	seg_outgoing_wipe(&p->kept);
}

seg_entry_sink *seg_pipeline_sink(const seg_pipeline *p)
{
	return p->count ? p->waiting[p->head].sink : NULL;
}

void seg_pipeline_answered(seg_pipeline *p)
{
	if (!p->sole)
		return;
	int64_t took = seg_now() - p->busy_since;
	p->sole = false;
	if (p->round_trip == 0 || took < p->round_trip)
		p->round_trip = took;
}

seg_waiting_command seg_pipeline_pop(seg_pipeline *p)
{
	seg_waiting_command command = p->waiting[p->head];
	p->head = (p->head + 1) & (p->capacity - 1);
	p->count--;
	return command;
}

void seg_pipeline_forget(seg_pipeline *p, const seg_waiting_command *command)
{
	if (command->kept > 0)
		seg_outgoing_consume(&p->kept, command->kept);
}
