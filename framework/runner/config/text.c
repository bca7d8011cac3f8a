#include "config/text.h"

#include <ini.h>
#include <string.h>

/* inih keeps 49 bytes of a name, and in usual builds 199 bytes of a line. */
enum { NAME_MAX_INIH = 49 };

/* Replaces a value that is too long for inih. check_characters refuses lines that contain this byte. */
static const char long_value_mark[] = "\001";

typedef struct line_reader {
	const char *next, *end;
	seg_config_place place; /* of the line being read */
	const seg_config_sink *sink;
	seg_config_errors *errors;
	const char *long_value; /* in line, or NULL */
	char line[SEG_CONFIG_LINE_MAX + 1];
} line_reader;

/* Copies the next line, without its end, to reader->line. False at the end of the text. */
static bool take_line(line_reader *reader)
{
	while (reader->next < reader->end) {
		const char *start = reader->next;
		const char *newline = memchr(start, '\n', (size_t)(reader->end - start));
		const char *stop = newline ? newline : reader->end;
		reader->next = newline ? newline + 1 : reader->end;
		reader->place.line++;
		if (stop > start && stop[-1] == '\r')
			stop--;
		size_t length = (size_t)(stop - start);
		if (length <= SEG_CONFIG_LINE_MAX) {
			memcpy(reader->line, start, length);
			reader->line[length] = '\0';
			return true;
		}
		seg_config_error_add(reader->errors, reader->place,
				     "the line is %zu bytes long; shorten it to %d, or put the value into an "
				     "environment variable",
				     length, SEG_CONFIG_LINE_MAX);
	}
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Removes the blanks on both sides. */
static char *trim(char *text)
{
	while (is_blank(*text))
		text++;
	size_t length = strlen(text);
	while (length && is_blank(text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

static void cut_comment(char *text)
{
	for (char *c = text; *c; c++) {
		if ((*c != ';' && *c != '#') || (c > text && !is_blank(c[-1])))
			continue;
		*c = '\0';
		return;
	}
}

/* Reports a character that no line may contain. */
static bool check_characters(line_reader *reader)
{
	for (const char *c = reader->line; *c; c++) {
		if (((unsigned char)*c >= 0x20 && *c != 0x7f) || *c == '\t')
			continue;
		if (*c == '\r')
			seg_config_error_add(
				reader->errors, reader->place,
				"the line contains a carriage return; end lines with LF or CR LF");
		else
			seg_config_error_add(reader->errors, reader->place,
					     "control character 0x%02x at column %zu; remove it", *c,
					     (size_t)(c - reader->line) + 1);
		return false;
	}
	return true;
}

/* As much of a section's line as is its title: what follows may be a password. */
static int length_of_title(const char *text)
{
	static const char consumer[] = "[consumer ";
	size_t kind = strcspn(text, " \t=");
	if (strncmp(text, consumer, strlen(consumer)) == 0)
		kind = strlen(consumer) + strcspn(text + strlen(consumer), " \t=");
	return (int)kind;
}

static void read_section(line_reader *reader, char *text)
{
	const seg_config_sink *sink = reader->sink;
	char *close = strchr(text, ']');
	if (close && !close[1]) {
		*close = '\0';
		sink->section(sink->arg, reader->place, trim(text + 1));
		return;
	}
	if (close)
		seg_config_error_add(
			reader->errors, reader->place,
			"there is text after the ] of the section; move it to a line of its own");
	else
		seg_config_error_add(reader->errors, reader->place,
				     "the ] of the section is missing; write %.*s]", length_of_title(text),
				     text);
	sink->section(sink->arg, reader->place, NULL);
}

/* Writes the pair for inih into buffer[size]. Returns false for a line that is not a pair, and reports it. */
static bool write_pair(line_reader *reader, char *text, char *buffer, size_t size)
{
	size_t name_length = strcspn(text, "=:");
	size_t length = strlen(text);
	reader->long_value = NULL;
	if (name_length == length) {
		/* Quote only the first word: the rest may be a password after a missing =. */
		seg_config_error_add(reader->errors, reader->place,
				     "\"%.*s\" is neither a [section] nor name = value; %s",
				     (int)strcspn(text, " \t"), text,
				     is_blank(reader->line[0]) ? "a value cannot continue on a second line"
							       : "write one of them, or # before a comment");
		return false;
	}
	if (name_length > NAME_MAX_INIH) {
		seg_config_error_add(
			reader->errors, reader->place,
			"the name \"%.20s...\" is longer than %d characters; no option has such a long name",
			text, NAME_MAX_INIH);
		return false;
	}
	if (length + 2 <= size) {
		memcpy(buffer, text, length + 1);
		return true;
	}
	memcpy(buffer, text, name_length);
	buffer[name_length] = '=';
	memcpy(buffer + name_length + 1, long_value_mark, sizeof(long_value_mark));
	reader->long_value = trim(text + name_length + 1);
	return true;
}

/* inih's ini_reader: returns the next line that is a pair, and handles all other lines itself. */
static char *next_pair(char *buffer, int size, void *stream)
{
	line_reader *reader = stream;
	while (take_line(reader)) {
		if (!check_characters(reader))
			continue;
		char *text = reader->line;
		while (is_blank(*text))
			text++;
		cut_comment(text);
		text = trim(text);
		if (*text == '[')
			read_section(reader, text);
		else if (*text && write_pair(reader, text, buffer, (size_t)size))
			return buffer;
	}
	return NULL;
}

/* inih's ini_handler. The section is always "": inih sees no section headers. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
	line_reader *reader = user;
	(void)section;
	if (strcmp(value, long_value_mark) == 0)
		value = reader->long_value;
	reader->sink->pair(reader->sink->arg, reader->place, name, value);
	return 1;
}

static bool check_nul(line_reader *reader)
{
	const char *nul = memchr(reader->next, '\0', (size_t)(reader->end - reader->next));
	if (!nul)
		return true;
	reader->place.line = 1;
	for (const char *c = reader->next; c < nul; c++)
		reader->place.line += *c == '\n';
	seg_config_error_add(
		reader->errors, reader->place,
		"the line contains a NUL byte, so this is not a text file; if the file is UTF-16, save it "
		"as UTF-8");
	return false;
}

void seg_config_text_parse(const char *file, const char *text, size_t length, const seg_config_sink *sink,
			   seg_config_errors *errors)
{
	line_reader reader = {
		.next = text,
		.end = text + length,
		.place = {.file = file},
		.sink = sink,
		.errors = errors,
	};
	if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		reader.next += 3;
	if (!check_nul(&reader))
		return;
	if (ini_parse_stream(next_pair, &reader, take_pair, &reader) != 0)
		errors->incomplete =
			true; /* inih accepts every line that next_pair returns, so memory ran out */
}
