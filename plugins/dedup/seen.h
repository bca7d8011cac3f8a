/*
 * seen.h - the texts that came last, in the partition's state: a bounded list, oldest first.
 *
 *     =TEXT     "NUMBER TIME"    the text came last at TIME (ms), as number NUMBER of the list
 *     #NUMBER   TEXT             the list
 *     list      "FIRST NEXT"     the numbers in the list, FIRST to NEXT - 1
 *
 * segrunner stores all of this in the step that stores the position: so the list and the position never disagree, and a message
 * that comes again after a crash finds the list as it was before it.
 */
#ifndef PLUGINS_DEDUP_SEEN_H
#define PLUGINS_DEDUP_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/handler.h>

/* The longest text, in bytes. */
enum { SEEN_TEXT_MAX = SEG_STATE_NAME_MAX - 1 };

typedef struct seen_bounds {
	uint64_t window; /* ms for which a text counts as seen; 0: for ever */
	uint64_t count;  /* how many texts are remembered; 1 or more */
} seen_bounds;

/*
 * Whether the text came within the bounds before message `index`, whose time is `now` (ms). If not, notes that it came now, and
 * forgets what is beyond the bounds; *why is NULL, or why it could not be noted. length: at most SEEN_TEXT_MAX.
 */
bool seen_before(const seg_batch *batch, size_t index, const seen_bounds *bounds, const char *text,
		 size_t length, uint64_t now, const char **why);

#endif
