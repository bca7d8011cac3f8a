/*
 * retrying.h - the messages of one section that are being retried, and why they failed last.
 *
 * A worker lists its partition while the partition's next message has failed at least once. Any thread may look.
 */
#ifndef SEG_WORK_RETRYING_H
#define SEG_WORK_RETRYING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Room for a reason, its NUL included; longer reasons are cut. */
#define SEG_RETRYING_REASON_MAX 256

/* One partition's entry. Its worker owns it; the list's lock guards it while it is listed. */
typedef struct seg_retrying_entry {
	struct seg_retrying_entry *next;
	bool listed; /* the worker's own note */
	uint32_t partition;
	uint32_t attempt; /* the next one: 2, 3, ... */
	int64_t next_at;  /* seg_now() of it */
	char reason[SEG_RETRYING_REASON_MAX];
} seg_retrying_entry;

typedef struct seg_retrying {
	pthread_mutex_t lock;
	seg_retrying_entry *first; /* ordered by partition */
} seg_retrying;

void seg_retrying_init(seg_retrying *retrying);
void seg_retrying_fini(seg_retrying *retrying);

/* Worker: lists the entry, or replaces what a listed one says. Control characters of the reason become blanks. */
void seg_retrying_note(seg_retrying *retrying, seg_retrying_entry *entry, const char *reason,
		       uint32_t attempt, int64_t next_at);

/* Worker: takes the entry off the list. Does nothing if it is not listed. */
void seg_retrying_forget(seg_retrying *retrying, seg_retrying_entry *entry);

/* Any thread: copies the entry with the lowest partition. Returns false, and copies nothing, if none is listed. */
bool seg_retrying_look(seg_retrying *retrying, seg_retrying_entry *copy);

#endif
