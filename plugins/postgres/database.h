/*
 * database.h - one partition's connection to PostgreSQL, and its position there.
 *
 * The position is a row for stream, group and partition. It holds the owner's epoch and the id of the last message whose row
 * is in the database. Rows and position change in one transaction, which fails unless epoch and position are those that
 * this owner left. So a message takes effect once, whatever crashes, and whatever a broken connection still had under way.
 *
 * Only the partition's worker calls these functions for a database.
 */
#ifndef PLUGINS_POSTGRES_DATABASE_H
#define PLUGINS_POSTGRES_DATABASE_H

#include "statements.h"

typedef struct database_settings {
	const seg_host *host;
	const char *connection; /* a libpq connection string */
	columns columns;
	statements statements;
	bool create;     /* create the position table if it is missing */
	int64_t timeout; /* ns, of each wait for the server */
} database_settings;

typedef struct database {
	const database_settings *settings;
	uint32_t partition;
	uint64_t epoch;
	PGconn *conn; /* NULL: not connected, and the position is unknown */
	Oid types[COLUMNS_MAX];
	seg_id position; /* of the last message in the database */
	row row;
	int64_t deadline; /* of the wait under way; ms, monotonic */
	char *error;      /* of the caller, for the call being made */
	size_t error_size;
} database;

typedef enum database_result {
	DATABASE_DONE,
	DATABASE_REFUSED, /* because of a message */
	DATABASE_FAILED /* for another reason; if the connection or the fence was lost, it is closed: open it again */
} database_result;

/* Makes no connection yet. settings must outlive the database. */
void database_init(database *d, const database_settings *settings, uint32_t partition, uint64_t epoch);

static inline bool database_is_open(const database *d)
{
	return d->conn != NULL;
}

/*
 * Connects, raises the fence to the epoch, and reads the position. Returns 0, or -1 with one line in error, also if the
 * database has a later epoch.
 */
int database_open(database *d, char *error, size_t error_size);

/*
 * Stores the `count` messages from index `from` on, which are after the position, and moves the position to the last, in
 * one transaction. If a message is refused, nothing changes, and *refused is its index, or SIZE_MAX if the message is
 * unknown.
 */
database_result database_store(database *d, const seg_batch *batch, size_t from, size_t count,
			       size_t *refused, char *error, size_t error_size);

/* Closes the connection and frees memory. */
void database_close(database *d);

#endif
