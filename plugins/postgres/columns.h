/*
 * columns.h - which column takes what of a message: "id, customer = key, trace = header.trace".
 *
 * Read once and then only looked at: any thread.
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

/* Reads the option. Returns 0, or -1 with a line in error. */
int columns_parse(columns *c, const char *text, char *error, size_t error_size);

/* The parameters of one row, as libpq wants them. */
typedef struct row {
	const char *values[COLUMNS_MAX]; /* NULL: SQL's NULL */
	int lengths[COLUMNS_MAX];
	int formats[COLUMNS_MAX]; /* 1: binary */
	buffer text;              /* what values point into, besides the message */
} row;

/*
 * Whether the columns can take the message. types: of the parameters; bytes go into bytea as they are, and
 * everywhere else as text, which has no NUL. Returns 0, or -1 with a line in error.
 */
int columns_check(const columns *c, const Oid *types, const seg_message *message, char *error,
		  size_t error_size);

/* Fills the row from a message that was checked. False: out of memory. */
bool columns_fill(const columns *c, const Oid *types, const seg_host *host, const seg_batch *batch,
		  size_t index, row *r);

#endif
