/*
 * sql.h - names of tables and columns, in options and in SQL. Pure; any thread.
 *
 * Names are case-sensitive: orders is not Orders. A name with a dot, a comma, a blank or an equals sign is written in double
 * quotes, "my table"; a double quote in a name is written twice.
 */
#ifndef PLUGINS_POSTGRES_SQL_H
#define PLUGINS_POSTGRES_SQL_H

#include <stdbool.h>
#include <stddef.h>

#include "../common/buffer.h"

/* PostgreSQL's limit, in bytes; PostgreSQL cuts longer names silently. */
enum { SQL_NAME_MAX = 63 };

/*
 * Reads the name at *text, and moves *text past the name and the blanks around it. False if there is no name, or if the
 * name is too long.
 */
bool sql_read_name(const char **text, char name[SQL_NAME_MAX + 1]);

/* Adds the name as an SQL identifier. */
void sql_add_name(buffer *b, const char *name);

/* Adds SCHEMA.TABLE or TABLE as SQL identifiers. False if the text is neither. */
bool sql_add_table(buffer *b, const char *table);

#endif
