/*
 * statements.h - the SQL statements, made from the options. Constant after statements_make: any thread may read them.
 */
#ifndef PLUGINS_POSTGRES_STATEMENTS_H
#define PLUGINS_POSTGRES_STATEMENTS_H

#include "columns.h"

typedef struct statements {
	char *insert;         /* inserts one row; parameters: the columns */
	char *position_table; /* its name in SQL */
	char *create;         /* creates the position table */
	/*
	 * $1 stream, $2 group, $3 partition, $4 epoch: raises the fence to the epoch and returns the position; returns no
	 * row if the database has a later epoch.
	 */
	char *claim;
	/*
	 * $1 to $4 as above, $5 and $6 the old position, $7 and $8 the new one: fails with division_by_zero if the fence or
	 * the position has changed.
	 */
	char *advance;
} statements;

/*
 * on_conflict: fail, skip, or update with the columns of the unique key in `keys`. Returns 0, or -1 with one line in error.
 * Call statements_free in both cases.
 */
int statements_make(statements *s, const columns *c, const char *table, const char *position_table,
		    const char *on_conflict, const char *keys, char *error, size_t error_size);

void statements_free(statements *s);

#endif
