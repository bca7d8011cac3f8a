/*
 * table.h - a listing: aligned for people, JSON or CSV for machines.
 *
 * Cells are put one after the other, row by row. Machines get plain values under the columns' names; people
 * get titles, durations in words, "-" for what is not known, and no control characters, whatever a message
 * holds.
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

/* columns, ended by one without a name, is borrowed. */
ctl_table *ctl_table_create(const ctl_column *columns);
void ctl_table_destroy(ctl_table *table);

/* The next cell. */
void ctl_table_text(ctl_table *table, const char *text);
void ctl_table_bytes(ctl_table *table, const void *bytes, size_t length);
void ctl_table_number(ctl_table *table, int64_t number);
void ctl_table_real(ctl_table *table, double number);      /* people see one digit behind the point */
void ctl_table_duration(ctl_table *table, double seconds); /* machines get seconds */
void ctl_table_time(ctl_table *table, uint64_t ms);        /* since 1970; RFC 3339 in UTC for all */
void ctl_table_none(ctl_table *table);                     /* not known, or nobody */

size_t ctl_table_rows(const ctl_table *table);

/* Prints it; `empty` is what people read instead of a table without rows. */
void ctl_table_print(const ctl_table *table, ctl_form form, const char *empty, FILE *out);

/* An array of objects, for a larger answer; the caller's. */
json_t *ctl_table_json(const ctl_table *table);

/* Prints a JSON value, and takes it over. */
void ctl_json_print(json_t *value, bool one_line, FILE *out);

/* A text as a field of CSV (RFC 4180): quoted where it must be. */
void ctl_csv_print(const void *bytes, size_t length, FILE *out);

/* Bytes as JSON: text where they are UTF-8, else {"base64": "..."}. */
json_t *ctl_json_bytes(const void *bytes, size_t length);

#endif
