/*
 * entries.h - reads the entries of an XREAD reply, in pieces of any size, straight into a seg_entry_sink: resp.h reads
 * the values, and their places tell what they mean. Nothing is allocated. One thread.
 */
#ifndef SEG_REDIS_ENTRIES_H
#define SEG_REDIS_ENTRIES_H

#include "redis/reply.h"

/* Arrays within arrays, down to an entry's texts. */
#define SEG_ENTRIES_DEPTH 5

/* An array whose elements are being read. */
typedef struct seg_entries_level {
	size_t count;
	size_t index; /* of the element that comes next */
} seg_entries_level;

/* Zeroed: a reply begins. */
typedef struct seg_entries {
	seg_entries_level levels[SEG_ENTRIES_DEPTH];
	size_t depth; /* levels that are open */
	char id[64];  /* of the entry being read */
	size_t id_length;
	size_t left_out;   /* the length of the text that is being left out; 0: none */
	size_t skip;       /* bytes of it that have not come yet */
	const char *wrong; /* why the bytes are no entries, else NULL; static */
} seg_entries;

/*
 * Whether the bytes begin entries: 1, or 0 if too few have come. -1: another reply came instead: an error or a single value, or nil
 * because there are no entries. What is none of these counts as entries, which then are wrong.
 */
int seg_entries_begin(const char *bytes, size_t size);

/*
 * Reads on. 1: the reply is whole, and an empty array stands for it; 0: it is not complete yet; -1: it is `wrong`. *taken: the
 * bytes that were read; pass those behind them next, with more. sink: the same one until the reply is complete.
 */
int seg_entries_read(seg_entries *entries, seg_entry_sink *sink, const char *bytes, size_t size,
		     size_t *taken, const seg_reply **reply);

#endif
