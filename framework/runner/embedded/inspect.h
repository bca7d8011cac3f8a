/*
 * inspect.h - asks the server on the embedded Redis's socket how it is, and whether it is the right one. One thread.
 *
 * Any process may listen there, so no reply is used before its type is checked.
 */
#ifndef SEG_EMBEDDED_INSPECT_H
#define SEG_EMBEDDED_INSPECT_H

#include <stdbool.h>

#include "embedded/link.h"
#include "embedded/paths.h"

typedef enum seg_embedded_state {
	SEG_EMBEDDED_SILENT,   /* nobody listens, or there is no reply within a second */
	SEG_EMBEDDED_LOADING,  /* it is reading its data */
	SEG_EMBEDDED_ANSWERING /* it replies to commands */
} seg_embedded_state;

seg_embedded_state seg_embedded_ping(seg_embedded_link *link);

/*
 * Checks that the server keeps its data in the directory, in an append-only file; and, if `always`, sets its appendfsync to
 * always. 0, or SEG_ESERVER with an error.
 */
int seg_embedded_check(seg_embedded_link *link, const seg_embedded_paths *paths, bool always,
		       seg_error *error);

/*
 * Tells the server to shut down, and waits for its reply; it has none if it obeys. Writes the reply, or why there is none,
 * into `refusal`.
 */
void seg_embedded_shut_down(const seg_embedded_paths *paths, int64_t timeout, char *refusal, size_t size);

#endif
