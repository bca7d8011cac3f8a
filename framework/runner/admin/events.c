#include "runner/admin/events.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

typedef struct {
	atomic_flag taken; /* by who writes or reads the event */
	seg_event event;
} place;

struct seg_events {
	seg_log_fn next;
	void *next_arg;
	atomic_ullong newest;
	place places[SEG_EVENTS_KEPT];
};

seg_events *seg_events_create(seg_logger next)
{
	seg_events *events = calloc(1, sizeof(*events));
	if (!events)
		return NULL;
	events->next = next.fn;
	events->next_arg = next.arg;
	for (size_t i = 0; i < SEG_EVENTS_KEPT; i++)
		atomic_flag_clear(&events->places[i].taken);
	return events;
}

void seg_events_destroy(seg_events *events)
{
	free(events);
}

static void keep(seg_events *events, const seg_log_event *event)
{
	uint64_t number = atomic_fetch_add_explicit(&events->newest, 1, memory_order_relaxed) + 1;
	place *p = &events->places[number % SEG_EVENTS_KEPT];
	if (atomic_flag_test_and_set_explicit(&p->taken, memory_order_acquire))
		return;
	seg_event *kept = &p->event;
	kept->number = number;
	kept->time = seg_wall_clock();
	kept->level = event->level;
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

bool seg_events_read(seg_events *events, uint64_t number, seg_event *event)
{
	place *p = &events->places[number % SEG_EVENTS_KEPT];
	if (atomic_flag_test_and_set_explicit(&p->taken, memory_order_acquire))
		return false;
	*event = p->event;
	atomic_flag_clear_explicit(&p->taken, memory_order_release);
	return number > 0 && event->number == number;
}
