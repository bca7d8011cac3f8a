/* words.h - the words of a command that were passed one by one. Pure; any thread. */
#ifndef SEG_REDIS_WORDS_H
#define SEG_REDIS_WORDS_H

#include <stdarg.h>
#include <stddef.h>

enum { SEG_WORDS_MAX = 16 };

typedef struct seg_words {
	const char *at[SEG_WORDS_MAX];
	int count;
} seg_words;

/* Takes the words up to (char *)NULL; they are not copied. */
static inline void seg_words_take(seg_words *words, va_list args)
{
	words->count = 0;
	for (const char *word; words->count < SEG_WORDS_MAX && (word = va_arg(args, const char *));)
		words->at[words->count++] = word;
}

#endif
