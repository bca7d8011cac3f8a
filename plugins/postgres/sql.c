#include "sql.h"

#include <string.h>

/* Reads a name from after its opening quote. */
static bool read_quoted(const char **text, char *name, size_t *length)
{
	const char *from = *text;
	for (;; from++) {
		if (!*from)
			return false;
		if (*from == '"' && *++from != '"')
			break;
		if (*length == SQL_NAME_MAX)
			return false;
		name[(*length)++] = *from;
	}
	*text = from;
	return true;
}

bool sql_read_name(const char **text, char name[SQL_NAME_MAX + 1])
{
	const char *from = *text + strspn(*text, " ");
	size_t length = 0;
	if (*from == '"') {
		from++;
		if (!read_quoted(&from, name, &length))
			return false;
	} else {
		length = strcspn(from, " .,=\"");
		if (length > SQL_NAME_MAX)
			return false;
		memcpy(name, from, length);
		from += length;
	}
	name[length] = '\0';
	*text = from + strspn(from, " ");
	return length > 0;
}

void sql_add_name(buffer *b, const char *name)
{
	buffer_text(b, "\"");
	for (; *name; name++)
		buffer_add(b, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
	buffer_text(b, "\"");
}

bool sql_add_table(buffer *b, const char *table)
{
	char name[SQL_NAME_MAX + 1];
	if (!sql_read_name(&table, name))
		return false;
	sql_add_name(b, name);
	if (*table == '.') {
		table++;
		if (!sql_read_name(&table, name))
			return false;
		buffer_text(b, ".");
		sql_add_name(b, name);
	}
	return !*table;
}
