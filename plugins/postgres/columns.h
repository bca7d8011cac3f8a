/*
 * columns.h - which part of a message each column gets: "id, customer = key, trace = header.trace".
 *
 * Constant after columns_parse: any thread may read it.
 */
#ifndef PLUGINS_POSTGRES_COLUMNS_H
#define PLUGINS_POSTGRES_COLUMNS_H

#include <libpq-fe.h>

#include <segmenter/handler.h>

#include "sql.h"

enum { COLUMNS_MAX = 32 };

typedef enum column_field {
	FIELD_STREAM,
	FIELD_GROUP,
	FIELD_PARTITION,
	FIELD_EPOCH,
	FIELD_ID,
	FIELD_ID_MS,
	FIELD_ID_SEQ,
	FIELD_TIME,
	FIELD_KEY,
	FIELD_DATA,
	FIELD_HEADERS,
	FIELD_HEADER
} column_field;

typedef struct column {
	char name[SQL_NAME_MAX + 1];
	column_field field;
	char header[SQL_NAME_MAX + 1]; /* of FIELD_HEADER */
} column;

typedef struct columns {
	column list[COLUMNS_MAX];
	int count;
} columns;

/* Parses option.columns. Returns 0, or -1 with one line in error. */
int columns_parse(columns *c, const char *text, char *error, size_t error_size);

/* The parameters of one row, for libpq. */
typedef struct row {
	const char *values[COLUMNS_MAX]; /* NULL: SQL's NULL */
	int lengths[COLUMNS_MAX];
	int formats[COLUMNS_MAX]; /* 1: binary */
	buffer text;              /* values point into this or into the message */
} row;

/*
 * Checks whether the columns can take the message. types: of the parameters. A bytea takes any bytes; other types take
 * text without NUL. Returns 0, or -1 with one line in error.
 */
int columns_check(const columns *c, const Oid *types, const seg_message *message, char *error,
		  size_t error_size);

/* Fills the row from a message that columns_check has accepted. False if out of memory. */
bool columns_fill(const columns *c, const Oid *types, const seg_host *host, const seg_batch *batch,
		  size_t index, row *r);

#endif
