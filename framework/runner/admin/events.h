/*
 * events.h - the newest log lines of each level from info up. Many lines of one level do not push out those of another.
 *
 * No call waits: a writer takes the next place of its level, and drops the line if a reader is copying that place.
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

/* Each line is kept and passed to `next`. NULL if out of memory. */
seg_events *seg_events_create(seg_logger next);
void seg_events_destroy(seg_events *events);

/* A seg_log_fn whose arg is the seg_events. Any thread. */
void seg_events_write(void *events, const seg_log_event *event);

/* The number of the newest event; 0: there was none. Any thread. */
uint64_t seg_events_newest(const seg_events *events);

/*
 * Copies the kept events with a number above `after` to list[SEG_EVENTS_MAX], oldest first. Returns how many. Any
 * thread.
 */
size_t seg_events_copy(seg_events *events, uint64_t after, seg_event *list);

#endif
