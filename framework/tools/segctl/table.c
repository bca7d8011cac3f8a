#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/base64.h"
#include "escape.h"
#include "text.h"

typedef enum { NONE, TEXT, NUMBER, REAL, DURATION } cell_kind;

typedef struct {
	cell_kind kind;
	int64_t number;
	double real;
	char *bytes;
	size_t length;
} cell;

struct ctl_table {
	const ctl_column *columns;
	size_t column_count;
	cell *cells;
	size_t count, room;
};

/* --- filling ------------------------------------------------------------------------------ */

ctl_table *ctl_table_create(const ctl_column *columns)
{
	ctl_table *table = ctl_allocate(1, sizeof(*table));
	table->columns = columns;
	while (columns[table->column_count].name)
		table->column_count++;
	return table;
}

void ctl_table_destroy(ctl_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i].bytes);
	free(table->cells);
	free(table);
}

static cell *next_cell(ctl_table *table, cell_kind kind)
{
	if (table->count == table->room) {
		table->room = table->room ? table->room * 2 : 64;
		table->cells = ctl_reallocate(table->cells, table->room, sizeof(*table->cells));
	}
	cell *c = &table->cells[table->count++];
	*c = (cell){.kind = kind};
	return c;
}

void ctl_table_bytes(ctl_table *table, const void *bytes, size_t length)
{
	cell *c = next_cell(table, TEXT);
	c->bytes = ctl_copy(bytes, length);
	c->length = length;
}

void ctl_table_text(ctl_table *table, const char *text)
{
	ctl_table_bytes(table, text, strlen(text));
}

void ctl_table_number(ctl_table *table, int64_t number)
{
	next_cell(table, NUMBER)->number = number;
}

void ctl_table_real(ctl_table *table, double number)
{
	next_cell(table, REAL)->real = number;
}

void ctl_table_duration(ctl_table *table, double seconds)
{
	next_cell(table, DURATION)->real = seconds;
}

void ctl_table_time(ctl_table *table, uint64_t ms)
{
	char text[CTL_TEXT_MAX];
	ctl_table_text(table, ctl_time_text(ms, text));
}

void ctl_table_none(ctl_table *table)
{
	next_cell(table, NONE);
}

size_t ctl_table_rows(const ctl_table *table)
{
	return table->column_count ? table->count / table->column_count : 0;
}

/* --- for people ------------------------------------------------------------------------------ */

/* Freed by the caller. */
static char *shown(const cell *c)
{
	char text[CTL_TEXT_MAX] = "-";
	switch (c->kind) {
	case NONE:
		break;
	case TEXT:
		return c->length ? ctl_printable(c->bytes, c->length) : ctl_copy("-", 1);
	case NUMBER:
		snprintf(text, sizeof(text), "%" PRId64, c->number);
		break;
	case REAL:
		snprintf(text, sizeof(text), "%.1f", c->real);
		break;
	case DURATION:
		ctl_duration_text(c->real, text);
		break;
	}
	return ctl_copy(text, strlen(text));
}

static void print_padded(const char *text, int width, bool right, bool last, FILE *out)
{
	int padding = width - ctl_text_width(text);
	if (padding < 0 || (last && !right))
		padding = 0;
	fprintf(out, "%*s%s%*s%s", right ? padding : 0, "", text, right ? 0 : padding, "",
		last ? "\n" : "  ");
}

static size_t last_shown(const ctl_table *table)
{
	size_t last = 0;
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].title)
			last = i;
	return last;
}

/* The width of each column, over its title and its texts. Freed by the caller. */
static int *measure(const ctl_table *table, char *const *texts, size_t rows)
{
	size_t columns = table->column_count;
	int *widths = ctl_allocate(columns, sizeof(*widths));
	for (size_t i = 0; i < columns; i++)
		widths[i] = table->columns[i].title ? (int)strlen(table->columns[i].title) : 0;
	for (size_t i = 0; i < rows * columns; i++) {
		int width = ctl_text_width(texts[i]);
		if (width > widths[i % columns])
			widths[i % columns] = width;
	}
	return widths;
}

static void print_people(const ctl_table *table, FILE *out)
{
	size_t rows = ctl_table_rows(table), columns = table->column_count, last = last_shown(table);
	char **texts = ctl_allocate(rows * columns, sizeof(*texts));
	for (size_t i = 0; i < rows * columns; i++)
		texts[i] = shown(&table->cells[i]);
	int *widths = measure(table, texts, rows);
	for (size_t i = 0; i < columns; i++)
		if (table->columns[i].title)
			print_padded(table->columns[i].title, widths[i], table->columns[i].right, i == last,
				     out);
	for (size_t i = 0; i < rows * columns; i++) {
		size_t column = i % columns;
		if (table->columns[column].title)
			print_padded(texts[i], widths[column], table->columns[column].right, column == last,
				     out);
		free(texts[i]);
	}
	free(widths);
	free(texts);
}

/* --- for machines ----------------------------------------------------------------------------- */

static double rounded(double value)
{
	return round(value * 1000) / 1000;
}

json_t *ctl_json_bytes(const void *bytes, size_t length)
{
	json_t *text = json_stringn(length ? bytes : "", length);
	if (text)
		return text;
	char *encoded = ctl_allocate(seg_base64_length(length) + 1, 1);
	seg_base64_encode(bytes, length, encoded);
	json_t *object = json_pack("{s:s}", "base64", encoded);
	free(encoded);
	return object;
}

static json_t *cell_json(const cell *c)
{
	switch (c->kind) {
	case NONE:
		return json_null();
	case TEXT:
		return ctl_json_bytes(c->bytes, c->length);
	case NUMBER:
		return json_integer(c->number);
	case REAL:
	case DURATION:
		return json_real(rounded(c->real));
	}
	return NULL;
}

json_t *ctl_table_json(const ctl_table *table)
{
	json_t *array = json_array();
	for (size_t row = 0; row < ctl_table_rows(table); row++) {
		json_t *object = json_object();
		for (size_t i = 0; i < table->column_count; i++)
			json_object_set_new(object, table->columns[i].name,
					    cell_json(&table->cells[row * table->column_count + i]));
		json_array_append_new(array, object);
	}
	return array;
}

void ctl_json_print(json_t *value, bool one_line, FILE *out)
{
	if (!value || (json_dumpf(value, out,
				  JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
					  (one_line ? JSON_COMPACT : JSON_INDENT(2))) &&
		       !ferror(out)))
		ctl_die(EX_OSERR, "out of memory");
	fputc('\n', out);
	json_decref(value);
}

/* A spreadsheet takes a cell that begins so for a formula, which may start programs. */
static bool begins_formula(const char *bytes, size_t length)
{
	return length > 0 && strchr("=+-@\t\r\n", bytes[0]) && bytes[0];
}

void ctl_csv_print(const void *text, size_t length, FILE *out)
{
	const char *bytes = length ? text : "";
	bool formula = begins_formula(bytes, length);
	bool quote = formula || memchr(bytes, ',', length) || memchr(bytes, '"', length);
	if (quote)
		fputc('"', out);
	if (formula)
		fputc('\'', out);
	for (size_t i = 0; i < length;) {
		const char *mark = memchr(bytes + i, '"', length - i);
		size_t until = mark ? (size_t)(mark - bytes) + 1 : length;
		ctl_escape_write(bytes + i, until - i, false, out);
		if (mark)
			fputc('"', out);
		i = until;
	}
	if (quote)
		fputc('"', out);
}

static void print_csv_cell(const cell *c, FILE *out)
{
	if (c->kind == TEXT)
		ctl_csv_print(c->bytes, c->length, out);
	else if (c->kind == NUMBER)
		fprintf(out, "%" PRId64, c->number);
	else if (c->kind != NONE)
		fprintf(out, "%.3f", c->real);
}

static void print_csv(const ctl_table *table, FILE *out)
{
	const cell *c = table->cells;
	for (size_t i = 0; i < table->column_count; i++)
		fprintf(out, "%s%s", i ? "," : "", table->columns[i].name);
	fputs("\r\n", out);
	for (size_t row = 0; row < ctl_table_rows(table); row++) {
		for (size_t i = 0; i < table->column_count; i++, c++) {
			fputs(i ? "," : "", out);
			print_csv_cell(c, out);
		}
		fputs("\r\n", out);
	}
}

void ctl_table_print(const ctl_table *table, ctl_form form, const char *empty, FILE *out)
{
	switch (form) {
	case CTL_FORM_JSON:
		ctl_json_print(ctl_table_json(table), false, out);
		break;
	case CTL_FORM_CSV:
		print_csv(table, out);
		break;
	case CTL_FORM_TABLE:
		if (table->count)
			print_people(table, out);
		else
			fprintf(out, "%s\n", empty);
		break;
	}
}
