/*
 * database.h - one partition's connection to PostgreSQL, and its position there.
 *
 * The position is a row for stream, group and partition: the epoch of its owner, and the id of the last
 * message whose row is in the database. Rows and position change in one transaction, which is refused where
 * the epoch or the position is not what this owner left there. So a message takes effect once, whoever
 * crashes, and whatever a connection that broke had still under way.
 *
 * One thread at a time: the partition's worker.
 */
#ifndef PLUGINS_POSTGRES_DATABASE_H
#define PLUGINS_POSTGRES_DATABASE_H

#include "statements.h"

typedef struct database_settings {
	const seg_host *host;
	const char *connection; /* as libpq takes it */
	columns columns;
	statements statements;
	bool create;     /* the position table, where it is missing */
	int64_t timeout; /* ns, of each wait for the server */
} database_settings;

typedef struct database {
	const database_settings *settings;
	uint32_t partition;
	uint64_t epoch;
	PGconn *conn; /* NULL: there is none, and the position is not known */
	Oid types[COLUMNS_MAX];
	seg_id position; /* the last message that is in the database */
	row row;
	int64_t deadline; /* of the wait under way; ms, monotonic */
	char *error;      /* the caller's */
	size_t error_size;
} database;

typedef enum database_result {
	DATABASE_DONE,
	DATABASE_REFUSED, /* it is a message's fault */
	DATABASE_FAILED   /* it is not; where the connection or the fence was lost, database_open is next */
} database_result;

/* No connection yet. settings must outlive it. */
void database_init(database *d, const database_settings *settings, uint32_t partition, uint64_t epoch);

static inline bool database_is_open(const database *d)
{
	return d->conn != NULL;
}

/*
 * Connects, raises the fence to the epoch, and reads the position. Returns 0, or -1 with a line in error:
 * also where a later epoch was here.
 */
int database_open(database *d, char *error, size_t error_size);

/*
 * Stores `count` messages from `from` on, which are behind the position, and moves it to the last, in one
 * transaction. Where a message is refused, nothing has changed, and *refused is its index, or SIZE_MAX where
 * it cannot be told which one it was.
 */
database_result database_store(database *d, const seg_batch *batch, size_t from, size_t count,
			       size_t *refused, char *error, size_t error_size);

/* Frees; nothing is under way. */
void database_close(database *d);

#endif
