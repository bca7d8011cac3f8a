#include "redis/pipeline.h"

#include <stdio.h>
#include <stdlib.h>

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
	seg_output_fini(&pipeline->output);
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

static bool push(seg_pipeline *p, seg_reply_fn fn, void *arg, seg_entry_sink *sink)
{
	if (p->count == p->capacity && !grow(p))
		return false;
	if (p->count == 0) {
		p->busy_since = seg_now();
		p->sole = true;
	}
	p->waiting[(p->head + p->count) & (p->capacity - 1)] = (seg_waiting_command){fn, arg, sink};
	p->count++;
	return true;
}

bool seg_pipeline_command(seg_pipeline *p, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
			  const char *const *argv, const size_t *lengths)
{
	if (!seg_output_reserve(&p->output, argc, argv, lengths) || !push(p, fn, arg, sink))
		return false;
	seg_output_command(&p->output, argc, argv, lengths);
	return true;
}

bool seg_pipeline_script(seg_pipeline *p, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
			 const char *const *argv, const size_t *lengths)
{
	char key_count[12];
	snprintf(key_count, sizeof(key_count), "%d", keys);
	const char *head[3] = {"EVALSHA", seg_script_sources[script].sha1, key_count};
	if (!seg_output_reserve(&p->output, argc, argv, lengths) || !push(p, fn, arg, NULL))
		return false;
	seg_output_begin(&p->output, 3 + argc);
	seg_output_arguments(&p->output, 3, head, NULL);
	seg_output_arguments(&p->output, argc, argv, lengths);
	return true;
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
