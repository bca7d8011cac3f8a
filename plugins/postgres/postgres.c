/*
 * postgres - stores each message as a row of a PostgreSQL table, exactly once.
 *
 *     [consumer orders]
 *     plugin = postgres
 *     max_attempts = 0
 *     option.connection = host=db.example dbname=shop user=segrunner
 *     option.table = public.orders
 *     option.columns = id, customer = key, payload = data, at = time
 *
 * The rows of a batch and the partition's position are written in one transaction: see database.h. A new
 * owner raises the fence with its epoch, reads the position, and skips what the database has already. So it
 * does not matter when a runner, a connection or the server is killed.
 *
 * Options
 *
 *     connection       required    as libpq takes it: host=... dbname=... or postgresql://...; what it does
 *                                  not say comes from the environment (PGHOST, PGPASSWORD, PGPASSFILE, ...)
 *     table            required    TABLE or SCHEMA.TABLE, which exists
 *     columns          partition, id, key, data    COLUMN = FIELD, or COLUMN alone where it is named like a
 *                                  field: stream, group, partition, epoch, id ("1763907650000-4"), id_ms,
 *                                  id_seq, time (when it was added), key, data, headers (a JSON list of name
 *                                  and value), header.NAME (NULL where there is none). A column of type bytea
 *                                  takes any bytes, every other one what PostgreSQL reads from text
 *     on_conflict      fail        what a row does whose unique key is there. fail: it becomes a dead letter.
 *                                  skip: nothing. update: it replaces the other columns
 *     key_columns                  the columns of that unique key, for update
 *     position_table   segmenter_position    TABLE or SCHEMA.TABLE; one for each namespace
 *     create           yes         make the position table where it is missing
 *     timeout          30s         how long the server may take for an answer
 *
 * Names are taken as they are written, case and all; with dots, commas or blanks they stand in double quotes.
 *
 * A row that the table refuses for its content (a wrong number, a constraint, a trigger's exception) makes a
 * dead letter, and the rest goes on. All else, a server that is away above all, is retried, which uses up
 * attempts: with max_attempts = 0 the partition waits instead.
 *
 * A group that is set back does not write its rows again: the database has them. To have them anew, delete
 * the rows of that stream and group in the position table while no runner is at work.
 *
 * One connection a partition. Delivery: exactly once, in order.
 */
#include <inttypes.h>

#include "database.h"

typedef struct postgres_plugin {
	database_settings settings;
	seg_counter *rows;
	seg_counter *skipped;
	seg_counter *transactions;
	seg_counter *failures;
} postgres_plugin;

typedef struct postgres_partition {
	database database;
	char reason[512];
} postgres_partition;

/* --- handling ------------------------------------------------------------------------------------ */

/* The first message behind the position; those before it are in the database. */
static size_t first_new(const database *d, const seg_batch *batch)
{
	size_t i = 0;
	while (i < batch->count &&
	       (batch->messages[i].id.ms < d->position.ms ||
		(batch->messages[i].id.ms == d->position.ms && batch->messages[i].id.seq <= d->position.seq)))
		i++;
	return i;
}

static void note_skipped(postgres_plugin *plugin, const seg_batch *batch, size_t count)
{
	const seg_host *host = plugin->settings.host;
	seg_counter_add(plugin->skipped, count);
	host->log(host, SEG_INFO,
		  "partition %" PRIu32 ": skipped %zu messages that came again, for the database has them",
		  batch->partition, count);
}

static database_result store(postgres_plugin *plugin, postgres_partition *partition, const seg_batch *batch,
			     size_t from, size_t count, size_t *refused)
{
	database_result result = database_store(&partition->database, batch, from, count, refused,
						partition->reason, sizeof(partition->reason));
	seg_counter_add(plugin->transactions, 1);
	if (result == DATABASE_DONE)
		seg_counter_add(plugin->rows, count);
	else
		seg_counter_add(plugin->failures, 1);
	return result;
}

/* After a refusal what stands before it first, and then one by one until it is met again. */
static seg_answer store_all(postgres_plugin *plugin, postgres_partition *partition, const seg_batch *batch,
			    size_t from)
{
	size_t size = batch->count - from, refused = 0;
	bool one_by_one = false;
	while (from < batch->count) {
		switch (store(plugin, partition, batch, from, size, &refused)) {
		case DATABASE_DONE:
			from += size;
			size = one_by_one ? 1 : batch->count - from;
			break;
		case DATABASE_FAILED:
			return seg_retry(from, partition->reason);
		case DATABASE_REFUSED:
			if (size == 1 || refused == from)
				return seg_dead_letter(from, partition->reason);
			one_by_one = true;
			size = refused == SIZE_MAX ? 1 : refused - from;
			break;
		}
	}
	return seg_done();
}

static seg_answer postgres_handle(void *plugin_, void *state, const seg_batch *batch)
{
	postgres_plugin *plugin = plugin_;
	postgres_partition *partition = state;
	if (!database_is_open(&partition->database) &&
	    database_open(&partition->database, partition->reason, sizeof(partition->reason)) != 0)
		return seg_retry(0, partition->reason);
	size_t from = first_new(&partition->database, batch);
	if (from > 0)
		note_skipped(plugin, batch, from);
	return store_all(plugin, partition, batch, from);
}

/* --- partitions ------------------------------------------------------------------------------------ */

static void postgres_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	postgres_partition *partition = state;
	(void)plugin, (void)reason;
	database_close(&partition->database);
	free(partition);
}

static int postgres_partition_open(void *plugin_, uint32_t number, uint64_t epoch, void **state, char *error,
				   size_t error_size)
{
	postgres_plugin *plugin = plugin_;
	postgres_partition *partition = calloc(1, sizeof(*partition));
	if (!partition) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	database_init(&partition->database, &plugin->settings, number, epoch);
	if (database_open(&partition->database, error, error_size) != 0) {
		postgres_partition_close(plugin, partition, SEG_CLOSE_RELEASED);
		return -1;
	}
	*state = partition;
	return 0;
}

/* --- the plugin ------------------------------------------------------------------------------------- */

static int read_options(database_settings *s, const seg_host *host, char *error, size_t error_size)
{
	s->host = host;
	s->connection = host->option(host, "connection");
	s->create = host->option_boolean(host, "create");
	s->timeout = host->option_duration(host, "timeout");
	if (s->timeout < 10000000) {
		snprintf(error, error_size,
			 "option.timeout is below 10ms; write how long an answer may take");
		return -1;
	}
	if (columns_parse(&s->columns, host->option(host, "columns"), error, error_size) != 0)
		return -1;
	return statements_make(&s->statements, &s->columns, host->option(host, "table"),
			       host->option(host, "position_table"), host->option(host, "on_conflict"),
			       host->option(host, "key_columns"), error, error_size);
}

/* So that a misspelt connection is told at the start; whether there is a server is seen later. */
static int check_connection(const char *connection, char *error, size_t error_size)
{
	char *why = NULL;
	PQconninfoOption *parsed = PQconninfoParse(connection, &why);
	if (!parsed)
		snprintf(error, error_size, "option.connection is not what libpq takes: %.*s",
			 (int)strcspn(why ? why : "", "\n"), why ? why : "");
	PQfreemem(why);
	PQconninfoFree(parsed);
	return parsed ? 0 : -1;
}

static void postgres_fini(void *plugin_)
{
	postgres_plugin *plugin = plugin_;
	statements_free(&plugin->settings.statements);
	free(plugin);
}

static int postgres_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	postgres_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	if (read_options(&plugin->settings, host, error, error_size) != 0 ||
	    check_connection(plugin->settings.connection, error, error_size) != 0) {
		postgres_fini(plugin);
		return -1;
	}
	plugin->rows = host->counter(host, "rows_total", "Messages stored.");
	plugin->skipped =
		host->counter(host, "skipped_total", "Messages that came again, and were in the database.");
	plugin->transactions = host->counter(host, "transactions_total", "Transactions tried.");
	plugin->failures = host->counter(host, "transaction_failures_total", "Transactions that failed.");
	*out = plugin;
	return 0;
}

static const seg_option options[] = {
	{"connection", SEG_OPTION_TEXT, 1, NULL, "As libpq takes it: host=... dbname=..., or a URI."},
	{"table", SEG_OPTION_TEXT, 1, NULL, "TABLE or SCHEMA.TABLE that the rows go to."},
	{"columns", SEG_OPTION_TEXT, 0, "partition, id, key, data",
	 "COLUMN = FIELD, ..., such as id, customer = key, payload = data, trace = header.trace."},
	{"on_conflict", SEG_OPTION_TEXT, 0, "fail",
	 "A row whose unique key is there. fail: a dead letter. skip: nothing. update: replaces the other."},
	{"key_columns", SEG_OPTION_TEXT, 0, NULL, "The columns of the unique key, for on_conflict = update."},
	{"position_table", SEG_OPTION_TEXT, 0, "segmenter_position",
	 "TABLE or SCHEMA.TABLE that the positions are in."},
	{"create", SEG_OPTION_BOOLEAN, 0, "yes", "Make the position table where it is missing."},
	{"timeout", SEG_OPTION_DURATION, 0, "30s", "How long the server may take for an answer."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "postgres",
	.version = "1.0.0",
	.help = "Stores each message as a row of a PostgreSQL table, exactly once.",
	.options = options,
	.init = postgres_init,
	.partition_open = postgres_partition_open,
	.handle = postgres_handle,
	.partition_close = postgres_partition_close,
	.fini = postgres_fini,
};

SEG_HANDLER_EXPORT(handler);
