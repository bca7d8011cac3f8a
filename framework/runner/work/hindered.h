/*
 * hindered.h - the partitions of one section that something hinders, and what (partition/hindrance.h), for /readyz.
 *
 * A worker lists its partition while the partition's next message has failed at least once. The I/O thread lists it while a call
 * hangs, or a dead letter waits for room. Any thread may look.
 */
#ifndef SEG_WORK_HINDERED_H
#define SEG_WORK_HINDERED_H

#include <pthread.h>
#include <stdbool.h>

#include "partition/hindrance.h"

/* One thread owns an entry; the list's lock guards the entry while it is listed. */
typedef struct seg_hindered_entry {
	struct seg_hindered_entry *next;
	bool listed; /* the owner's own note */
	uint32_t partition;
	seg_hindrance what;
} seg_hindered_entry;

typedef struct seg_hindered {
	pthread_mutex_t lock;
	seg_hindered_entry *first; /* ordered by partition */
} seg_hindered;

void seg_hindered_init(seg_hindered *hindered);
void seg_hindered_fini(seg_hindered *hindered);

/* Owner: lists the entry, or replaces what a listed one says. */
void seg_hindered_note(seg_hindered *hindered, seg_hindered_entry *entry, const seg_hindrance *what);

/* Owner: takes the entry off the list. Does nothing if it is not listed. */
void seg_hindered_forget(seg_hindered *hindered, seg_hindered_entry *entry);

/* Any thread: how many entries of that kind are listed. If there are any, copies the one with the lowest partition. */
unsigned seg_hindered_look(seg_hindered *hindered, seg_hindrance_kind kind, seg_hindered_entry *copy);

#endif
