#include "statements.h"

/* Adds the SQL with the position table in place of each #. */
static void add_with_table(buffer *b, const char *sql, const char *table)
{
	for (const char *part = sql; *part;) {
		size_t length = strcspn(part, "#");
		buffer_add(b, part, length);
		part += length;
		if (*part == '#') {
			buffer_text(b, table);
			part++;
		}
	}
}

/* The buffer's text, which the caller frees; NULL if out of memory. */
static char *take(buffer *b)
{
	buffer_add(b, "", 1);
	if (!b->failed)
		return b->bytes;
	buffer_fini(b);
	return NULL;
}

static char *with_table(const char *sql, const char *table)
{
	buffer b = {0};
	add_with_table(&b, sql, table);
	return take(&b);
}

/* Adds ON CONFLICT (keys) DO UPDATE SET all other columns. False if keys is not a list of names. */
static bool add_update(buffer *b, const columns *c, const char *keys)
{
	char name[SQL_NAME_MAX + 1];
	bool is_key[COLUMNS_MAX] = {false}, first = true;
	buffer_text(b, " ON CONFLICT (");
	for (const char *rest = keys; *rest || first; first = false) {
		if (!first && *rest++ != ',')
			return false;
		if (!sql_read_name(&rest, name))
			return false;
		buffer_text(b, first ? "" : ", ");
		sql_add_name(b, name);
		for (int i = 0; i < c->count; i++)
			is_key[i] |= strcmp(c->list[i].name, name) == 0;
	}
	buffer_text(b, ") DO UPDATE SET ");
	int updated = 0;
	for (int i = 0; i < c->count; i++) {
		if (is_key[i])
			continue;
		buffer_text(b, updated++ ? ", " : "");
		sql_add_name(b, c->list[i].name);
		buffer_text(b, " = EXCLUDED.");
		sql_add_name(b, c->list[i].name);
	}
	return updated > 0;
}

static bool add_conflict(buffer *b, const columns *c, const char *on_conflict, const char *keys)
{
	if (strcmp(on_conflict, "fail") == 0)
		return true;
	if (strcmp(on_conflict, "skip") == 0) {
		buffer_text(b, " ON CONFLICT DO NOTHING");
		return true;
	}
	return strcmp(on_conflict, "update") == 0 && keys && add_update(b, c, keys);
}

static const char *make_insert(statements *s, const columns *c, const char *table, const char *on_conflict,
			       const char *keys)
{
	buffer b = {0};
	const char *wrong = NULL;
	buffer_text(&b, "INSERT INTO ");
	if (!sql_add_table(&b, table))
		wrong = "option.table must be TABLE or SCHEMA.TABLE";
	for (int i = 0; i < c->count; i++) {
		buffer_text(&b, i ? ", " : " (");
		sql_add_name(&b, c->list[i].name);
	}
	for (int i = 1; i <= c->count; i++)
		buffer_format(&b, "%s$%d", i > 1 ? ", " : ") VALUES (", i);
	buffer_text(&b, ")");
	if (!wrong && !add_conflict(&b, c, on_conflict, keys))
		wrong = "option.on_conflict must be fail, skip, or update with option.key_columns = COLUMN, ...";
	s->insert = take(&b);
	return wrong;
}

static const char *make_position(statements *s, const char *table)
{
	buffer b = {0};
	bool good = sql_add_table(&b, table);
	s->position_table = take(&b);
	if (!good || !s->position_table)
		return good ? NULL : "option.position_table must be TABLE or SCHEMA.TABLE";
	s->create = with_table("SELECT pg_advisory_xact_lock(7310863245);"
			       "CREATE TABLE IF NOT EXISTS # (stream text, group_name text, partition bigint,"
			       " epoch bigint NOT NULL, ms numeric(20) NOT NULL, seq numeric(20) NOT NULL,"
			       " updated timestamptz NOT NULL DEFAULT now(),"
			       " PRIMARY KEY (stream, group_name, partition))",
			       s->position_table);
	s->claim = with_table("INSERT INTO # AS p (stream, group_name, partition, epoch, ms, seq)"
			      " VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT (stream, group_name, partition)"
			      " DO UPDATE SET epoch = EXCLUDED.epoch, updated = now()"
			      " WHERE p.epoch <= EXCLUDED.epoch RETURNING ms, seq",
			      s->position_table);
	s->advance = with_table("WITH moved AS (UPDATE # SET ms = $7, seq = $8, updated = now()"
				" WHERE stream = $1 AND group_name = $2 AND partition = $3 AND epoch = $4"
				" AND ms = $5 AND seq = $6 RETURNING 1) SELECT 1 / count(*) FROM moved",
				s->position_table);
	return NULL;
}

int statements_make(statements *s, const columns *c, const char *table, const char *position_table,
		    const char *on_conflict, const char *keys, char *error, size_t error_size)
{
	*s = (statements){0};
	const char *wrong = make_insert(s, c, table, on_conflict, keys);
	if (!wrong)
		wrong = make_position(s, position_table);
	if (!wrong && (!s->insert || !s->position_table || !s->create || !s->claim || !s->advance))
		wrong = "out of memory";
	if (wrong)
		snprintf(error, error_size, "%s", wrong);
	return wrong ? -1 : 0;
}

void statements_free(statements *s)
{
	free(s->insert);
	free(s->position_table);
	free(s->create);
	free(s->claim);
	free(s->advance);
	*s = (statements){0};
}
