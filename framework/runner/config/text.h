/*
 * text.h - INI text into sections and pairs, each with its place.
 *
 * The dialect is inih's, and inih splits the pairs: `name = value` or `name: value`, blanks around each
 * stripped; a comment begins with ; or # at the start of a line, or behind a blank. In front of it stands a
 * line reader of our own, for what inih does not do: say in which line something stands, report every bad
 * line and not only the first, take lines up to 4 KiB (inih, as distributions build it, cuts them at 200),
 * and refuse what it would pass over in silence (NUL bytes, control characters, text behind a section's
 * bracket). A value ends with its line: an indented line is one like any other.
 */
#ifndef SEG_CONFIG_TEXT_H
#define SEG_CONFIG_TEXT_H

#include "config/error.h"

enum { SEG_CONFIG_LINE_MAX = 4096 };

typedef struct seg_config_sink {
	void (*section)(void *arg, seg_config_place place, char *name); /* NULL: one that was reported */
	void (*pair)(void *arg, seg_config_place place, const char *name, const char *value);
	void *arg;
} seg_config_sink;

/* Calls the sink for all that can be read, in order, and adds an error for each line that cannot. */
void seg_config_text_parse(const char *file, const char *text, size_t length, const seg_config_sink *sink,
			   seg_config_errors *errors);

#endif
