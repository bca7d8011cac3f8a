/*
 * events.h - what happened lately: the newest lines of the log of each level, but those for debugging. Many of
 * one level do not push out those of another.
 *
 * Nobody waits: whoever writes takes the next place, and a place that is just being read is passed over.
 */
#ifndef SEG_ADMIN_EVENTS_H
#define SEG_ADMIN_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/names.h"

enum { SEG_EVENTS_KEPT = 256 }; /* of each level */

/* Of all levels. */
enum { SEG_EVENTS_MAX = 3 * SEG_EVENTS_KEPT };

typedef struct seg_event {
	uint64_t number; /* rises from 1; numbers may be missing */
	int64_t time;    /* seg_wall_clock() */
	int level;       /* SEG_LOG_INFO to SEG_LOG_ERROR */
	char text[320];
	char stream[SEG_NAME_MAX + 1]; /* "": none */
	char group[SEG_NAME_MAX + 1];  /* "": none */
	int64_t partition;             /* -1: none */
	uint64_t epoch;                /* 0: none */
} seg_event;

typedef struct seg_events seg_events;

/* What is written goes on to `next`. NULL if out of memory. */
seg_events *seg_events_create(seg_logger next);
void seg_events_destroy(seg_events *events);

/* A seg_log_fn whose arg is the seg_events. Any thread. */
void seg_events_write(void *events, const seg_log_event *event);

/* The number of the newest event; 0: there was none. Any thread. */
uint64_t seg_events_newest(const seg_events *events);

/*
 * Copies those behind number `after` that are still there to list[SEG_EVENTS_MAX], oldest first. Returns how many
 * they are. Any thread.
 */
size_t seg_events_copy(seg_events *events, uint64_t after, seg_event *list);

#endif
