/*
 * statements.h - the SQL that is sent, made once of the options. Only looked at after that: any thread.
 */
#ifndef PLUGINS_POSTGRES_STATEMENTS_H
#define PLUGINS_POSTGRES_STATEMENTS_H

#include "columns.h"

typedef struct statements {
	char *insert;         /* one row; parameters: the columns */
	char *position_table; /* its name as SQL has it */
	char *create;         /* the position table */
	/*
	 * $1 stream, $2 group, $3 partition, $4 epoch: raises the fence to the epoch and gives the position; no
	 * row where a later epoch was here.
	 */
	char *claim;
	/*
	 * $1 to $4 as above, $5 and $6 the position as it was, $7 and $8 as it becomes: fails with
	 * division_by_zero where the fence or the position is not as it was.
	 */
	char *advance;
} statements;

/*
 * on_conflict: fail, skip, or update with the columns of the unique index in `keys`. Returns 0, or -1 with a
 * line in error. Free with statements_free, in either case.
 */
int statements_make(statements *s, const columns *c, const char *table, const char *position_table,
		    const char *on_conflict, const char *keys, char *error, size_t error_size);

void statements_free(statements *s);

#endif
