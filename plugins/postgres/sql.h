/*
 * sql.h - the statements, made of the names in the options. Pure; any thread.
 *
 * A name is taken as it is written, case and all: orders is not Orders. Where it holds a dot, a comma, a
 * blank or an equals sign it stands in double quotes, "my table", with two of them for one.
 */
#ifndef PLUGINS_POSTGRES_SQL_H
#define PLUGINS_POSTGRES_SQL_H

#include <stdbool.h>
#include <stddef.h>

#include "../common/buffer.h"

/* PostgreSQL's own limit; longer names it would cut off silently. */
enum { SQL_NAME_MAX = 63 };

/*
 * Reads one name at *text, behind blanks, and moves *text behind it and the blanks that follow. False where
 * there is none, or a longer one.
 */
bool sql_read_name(const char **text, char name[SQL_NAME_MAX + 1]);

/* Adds the name as an SQL identifier. */
void sql_add_name(buffer *b, const char *name);

/* Adds "schema.table" or "table" as identifiers; false where it is neither. */
bool sql_add_table(buffer *b, const char *table);

#endif
