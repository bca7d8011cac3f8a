#include "admin/events.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

typedef struct {
	atomic_flag taken; /* a thread writes or copies the event */
	seg_event event;
} place;

typedef struct {
	atomic_ullong written; /* events, ever */
	place places[SEG_EVENTS_KEPT];
} ring;

struct seg_events {
	seg_log_fn next;
	void *next_arg;
	atomic_ullong newest;
	ring rings[SEG_LOG_ERROR - SEG_LOG_INFO + 1]; /* one for each level */
};

static place *place_at(seg_events *events, size_t i)
{
	return &events->rings[i / SEG_EVENTS_KEPT].places[i % SEG_EVENTS_KEPT];
}

seg_events *seg_events_create(seg_logger next)
{
	seg_events *events = calloc(1, sizeof(*events));
	if (!events)
		return NULL;
	events->next = next.fn;
	events->next_arg = next.arg;
	for (size_t i = 0; i < SEG_EVENTS_MAX; i++)
		atomic_flag_clear(&place_at(events, i)->taken);
	return events;
}

void seg_events_destroy(seg_events *events)
{
	free(events);
}

static void keep(seg_events *events, const seg_log_event *event)
{
	int level = event->level < SEG_LOG_ERROR ? event->level : SEG_LOG_ERROR;
	ring *r = &events->rings[level - SEG_LOG_INFO];
	uint64_t number = atomic_fetch_add_explicit(&events->newest, 1, memory_order_relaxed) + 1;
	uint64_t written = atomic_fetch_add_explicit(&r->written, 1, memory_order_relaxed);
	place *p = &r->places[written % SEG_EVENTS_KEPT];
	if (atomic_flag_test_and_set_explicit(&p->taken, memory_order_acquire))
		return;
	seg_event *kept = &p->event;
	kept->number = number;
	kept->time = seg_wall_clock();
	kept->level = level;
	kept->partition = event->partition;
	kept->epoch = event->epoch;
	snprintf(kept->text, sizeof(kept->text), "%s", event->text);
	snprintf(kept->stream, sizeof(kept->stream), "%s", event->stream ? event->stream : "");
	snprintf(kept->group, sizeof(kept->group), "%s", event->group ? event->group : "");
	atomic_flag_clear_explicit(&p->taken, memory_order_release);
}

void seg_events_write(void *arg, const seg_log_event *event)
{
	seg_events *events = arg;
	if (event->level >= SEG_LOG_INFO)
		keep(events, event);
	if (events->next)
		events->next(events->next_arg, event);
}

uint64_t seg_events_newest(const seg_events *events)
{
	return atomic_load_explicit(&events->newest, memory_order_relaxed);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = ((const seg_event *)a)->number, y = ((const seg_event *)b)->number;
	return x < y ? -1 : x > y;
}

size_t seg_events_copy(seg_events *events, uint64_t after, seg_event *list)
{
	size_t count = 0;
	for (size_t i = 0; i < SEG_EVENTS_MAX; i++) {
		place *p = place_at(events, i);
		if (atomic_flag_test_and_set_explicit(&p->taken, memory_order_acquire))
			continue;
		if (p->event.number > after)
			list[count++] = p->event;
		atomic_flag_clear_explicit(&p->taken, memory_order_release);
	}
	qsort(list, count, sizeof(*list), by_number);
	return count;
}
