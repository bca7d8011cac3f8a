/*
 * beyond_text.h - what is done beyond a position (beyond.h) as text, for Redis: `<holes> <frontier> <count>`, printable. Holes are `-`
 * for none, else `<first>[:<last>],...`, where each id is written as its distance from the id before it, the position before
 * all: `<seq more>`, or `<ms more>-<seq>`.
 *
 * While a message holds up the position, the set only grows at its end, and each commit has its text. So a writer keeps the text,
 * and writes again only what has changed.
 */
#ifndef SEG_PARTITION_BEYOND_TEXT_H
#define SEG_PARTITION_BEYOND_TEXT_H

#include "partition/beyond.h"

/* The text that was written last. Zeroed: none. */
typedef struct seg_beyond_text {
	char *memory; /* room for what comes before the text, then the text */
	size_t room;
	uint32_t *ends; /* where each hole ends in the memory */
	size_t ends_room;
	size_t holes;    /* that are written */
	seg_id position; /* from which the first one is told */
	size_t length;   /* of the text */
} seg_beyond_text;

void seg_beyond_text_fini(seg_beyond_text *text); /* and zeroes it */

/*
 * Writes the set, which must not be empty. Its first `kept` holes are those of the last time. The text is valid until the next call.
 * NULL: out of memory.
 */
const char *seg_beyond_text_write(seg_beyond_text *text, const seg_beyond *set, seg_id position, size_t kept);

/* The same text behind `<nonce> <position> `: as Redis stores it (lua/parts/beyond.lua). After a successful write. NULL: the nonce is too
 * long. */
const char *seg_beyond_text_after(seg_beyond_text *text, const char *nonce);

/* Reads such a text. Returns 0, SEG_EINVAL (it is malformed, or of another position) or SEG_ENOMEM: then the set is empty. */
int seg_beyond_decode(seg_beyond *beyond, seg_id position, const char *text, size_t length);

#endif
