/*
 * windows.h - the open windows of a partition, in its state.
 *
 *     START KEY    "COUNT SUM MIN MAX"    of the messages of KEY from START on; "COUNT" if nothing is summed
 *     time         "NEWEST CLOSE"         the newest time of a message, and the time at which the next window closes; 0: none
 *
 * Times are milliseconds since 1970, by the messages, never by a clock. A message whose time reaches the end of windows and the
 * grace closes them, and their results are emitted for that message: always the same results in the same order, so that each
 * result is added exactly once, whatever crashes.
 */
#ifndef PLUGINS_WINDOW_WINDOWS_H
#define PLUGINS_WINDOW_WINDOWS_H

#include <segmenter/handler.h>

#include "../common/buffer.h"
#include "amount.h"

/* The longest key, in bytes: its name in the state has the start of the window, too. */
enum { WINDOW_KEY_MAX = SEG_STATE_NAME_MAX - 21 };

typedef struct window_rules {
	uint64_t size;      /* of a window, ms */
	uint64_t grace;     /* how long after its end a window stays open, ms */
	const char *output; /* for results */
} window_rules;

/* A message as the windows count it. */
typedef struct occurrence {
	const char *key; /* at most WINDOW_KEY_MAX bytes */
	size_t key_length;
	uint64_t time;
	const amount *value; /* NULL: only counted */
} occurrence;

typedef enum windows_outcome {
	WINDOWS_COUNTED,
	WINDOWS_LATE,  /* the message's window has closed; nothing has changed */
	WINDOWS_FAILED /* *why says it */
} windows_outcome;

/*
 * Closes the windows that message `index` ends, and counts the message. closed: counts the results up. json: for the plugin's
 * own use, one for each thread.
 */
windows_outcome windows_count(const window_rules *rules, const seg_batch *batch, size_t index,
			      const occurrence *o, buffer *json, uint64_t *closed, const char **why);

#endif
