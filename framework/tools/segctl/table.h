/*
 * table.h - a listing: aligned for people, JSON or CSV for machines.
 *
 * Cells are added one by one, row by row. Machines get plain values under the columns' names. People get titles,
 * durations in words, "-" for unknown values, and no control characters, whatever a message contains.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "context.h"

typedef struct ctl_column {
	const char *name;  /* for machines: "lag_seconds" */
	const char *title; /* for people: "BEHIND"; NULL: machines only */
	bool right;        /* for people, aligned to the right */
} ctl_column;

typedef struct ctl_table ctl_table;

/* `columns` ends with a column without a name, and must outlive the table. */
ctl_table *ctl_table_create(const ctl_column *columns);
void ctl_table_destroy(ctl_table *table);

/* Each adds the next cell, with a copy of its value. */
void ctl_table_text(ctl_table *table, const char *text);
void ctl_table_bytes(ctl_table *table, const void *bytes, size_t length);
void ctl_table_number(ctl_table *table, int64_t number);
void ctl_table_real(ctl_table *table, double number);      /* people see one decimal */
void ctl_table_duration(ctl_table *table, double seconds); /* machines get seconds */
void ctl_table_time(ctl_table *table, uint64_t ms);        /* since 1970; shown as RFC 3339 in UTC */
void ctl_table_none(ctl_table *table);                     /* unknown, or nobody */

size_t ctl_table_rows(const ctl_table *table);

/* `empty` is the sentence that people read if the table has no rows. */
void ctl_table_print(const ctl_table *table, ctl_form form, const char *empty, FILE *out);

/* An array of objects. The caller owns it. */
json_t *ctl_table_json(const ctl_table *table);

/* Prints a JSON value and a line break, and frees the value. NULL: memory is out, which ends segctl. */
void ctl_json_print(json_t *value, bool one_line, FILE *out);

/*
 * Prints a field of CSV (RFC 4180), quoted if necessary. A field that a spreadsheet would take for a formula begins with
 * an apostrophe; control characters, and bytes that are no UTF-8, are \xNN. JSON has the exact bytes.
 */
void ctl_csv_print(const void *bytes, size_t length, FILE *out);

/* Text if the bytes are UTF-8, else {"base64": "..."}. The caller owns it. */
json_t *ctl_json_bytes(const void *bytes, size_t length);

#endif
