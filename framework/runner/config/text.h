/*
 * text.h - parses INI text into sections and pairs, each with its place.
 *
 * inih splits the pairs: `name = value` or `name: value`, without the blanks around each. A ; or # begins a
 * comment at the start of a line or after a blank. A value ends with its line: an indented line continues
 * nothing.
 *
 * inih gets its lines from a reader of our own, which does what inih does not: it knows the line of each
 * pair, reports every wrong line and not only the first, accepts lines up to 4 KiB (usual builds of inih cut
 * them at 200 bytes), and refuses what inih ignores silently (NUL bytes, control characters, text after a
 * section's bracket).
 */
#ifndef SEG_CONFIG_TEXT_H
#define SEG_CONFIG_TEXT_H

#include "config/error.h"

enum { SEG_CONFIG_LINE_MAX = 4096 };

typedef struct seg_config_sink {
	void (*section)(void *arg, seg_config_place place,
			char *name); /* name NULL: a header that was reported */
	void (*pair)(void *arg, seg_config_place place, const char *name, const char *value);
	void *arg;
} seg_config_sink;

/* Calls the sink for each section and pair, in order, and adds an error for each line that is neither. */
void seg_config_text_parse(const char *file, const char *text, size_t length, const seg_config_sink *sink,
			   seg_config_errors *errors);

#endif
