/* reasons.h - dead letters counted by their reason. Memory only; one thread. */
#ifndef SEG_LOOK_REASONS_H
#define SEG_LOOK_REASONS_H

#include <stdbool.h>
#include <stddef.h>

#include <segmenter/segmenter.h>

#include "stream/spelling.h"

typedef struct seg_reason {
	char *text;
	uint64_t letters;
	uint64_t first_ms, last_ms; /* Unix time of the oldest and the newest of them */
	uint32_t partitions;        /* that have such letters */
	uint32_t partition;         /* of the newest letter */
	seg_id letter;              /* its id */
	uint32_t counted;           /* the partition that was counted last */
} seg_reason;

/* Zero it first. */
typedef struct seg_reasons {
	seg_reason *list;
	size_t count, room;
	uint64_t letters; /* of all reasons */
} seg_reasons;

/* Counts a letter; all letters of a partition must come in a row. False if out of memory. */
bool seg_reasons_add(seg_reasons *reasons, const char *text, uint32_t partition, uint64_t time_ms,
		     seg_id letter);

/* The commonest first. */
void seg_reasons_sort(seg_reasons *reasons);

/* Leaves none. */
void seg_reasons_free(seg_reasons *reasons);

#endif
