/*
 * counts.h - the counts of one partition: how often each word came, up to which message. One thread at a time.
 */
#ifndef PLUGINS_COUNTS_H
#define PLUGINS_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/message.h>

typedef struct word {
	char *text; /* any bytes; NULL: a free slot */
	size_t length;
	uint64_t count;  /* 0: only in a batch that has not taken effect yet */
	uint64_t number; /* the highest occurrence number; 0: none */
} word;

/* An open hash table, at most half full. Start with {0}. */
typedef struct word_counts {
	word *slots;
	size_t size; /* a power of two, or 0 */
	size_t used;
	seg_id last;           /* the newest message that is counted */
	uint64_t messages;     /* all that are counted */
	uint64_t out_of_order; /* of these, messages whose number did not rise within their word */
} word_counts;

void counts_fini(word_counts *counts);

static inline bool id_is_after(seg_id a, seg_id b)
{
	return a.ms > b.ms || (a.ms == b.ms && a.seq > b.seq);
}

/* Finds the word, or adds it. NULL if out of memory. Valid until the next call. */
word *counts_word(word_counts *counts, const void *text, size_t length);

/*
 * Counts one message of a word that counts_word has added; needs no memory. number: which occurrence of the word the message
 * says it is; 0: the message does not say. Returns false if the number did not rise.
 */
bool counts_add(word_counts *counts, seg_id id, const void *text, size_t length, uint64_t number);

#endif
