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
 * One transaction writes the rows of a batch and the partition's position: see database.h. A new owner raises the fence
 * with its epoch, reads the position, and skips the messages that the database has already. So a message is stored exactly
 * once, whenever a runner, a connection or the server is killed.
 *
 * Options
 *
 *     connection       required    a libpq connection string: host=... dbname=... or postgresql://...; the
 *                                  environment (PGHOST, PGPASSWORD, PGPASSFILE, ...) supplies the rest
 *     table            required    TABLE or SCHEMA.TABLE, which must exist
 *     columns          partition, id, key, data    COLUMN = FIELD, or COLUMN alone if it has a field's name:
 *                                  stream, group, partition, epoch, id ("1763907650000-4"), id_ms, id_seq,
 *                                  time (when the message was added), key, data, headers (a JSON list of name
 *                                  and value), header.NAME (NULL if the message has none). A column of type
 *                                  bytea takes any bytes; other columns take what PostgreSQL reads from text
 *     on_conflict      fail        what to do with a row whose unique key exists. fail: the message becomes a
 *                                  dead letter. skip: keep the old row. update: replace its other columns
 *     key_columns                  the columns of that unique key, for update
 *     position_table   segmenter_position    TABLE or SCHEMA.TABLE; one for each namespace
 *     create           yes         create the position table if it is missing
 *     timeout          30s         how long the server may take for an answer
 *
 * Names are case-sensitive. A name with dots, commas or blanks is written in double quotes.
 *
 * If the table refuses a row for its content (a wrong number, a constraint, a trigger's exception), its message becomes a
 * dead letter, and the plugin continues. Any other failure is retried. Attempts also count while the server is down: with
 * max_attempts = 0 the partition waits until the server is back.
 *
 * A group whose position is set back does not store its messages again: the database has them. To store them again, delete
 * the rows of that stream and group from the position table while no runner handles them.
 *
 * Each partition has one connection. Delivery: exactly once, in order.
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

/* The first message after the position; the database has the messages before it. */
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
	host->log(host, SEG_INFO, "partition %" PRIu32 ": skipped %zu messages that the database has already",
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

/* After a refusal, stores the messages before the refused one, and then one by one until it comes again. */
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
		snprintf(
			error, error_size,
			"option.timeout must be at least 10ms; write how long an answer may take, such as 30s");
		return -1;
	}
	if (columns_parse(&s->columns, host->option(host, "columns"), error, error_size) != 0)
		return -1;
	return statements_make(&s->statements, &s->columns, host->option(host, "table"),
			       host->option(host, "position_table"), host->option(host, "on_conflict"),
			       host->option(host, "key_columns"), error, error_size);
}

/* Reports a misspelt connection string at the start. Whether the server answers is seen later. */
static int check_connection(const char *connection, char *error, size_t error_size)
{
	char *why = NULL;
	PQconninfoOption *parsed = PQconninfoParse(connection, &why);
	if (!parsed)
		snprintf(error, error_size, "option.connection is not a valid connection string: %.*s",
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

static int postgres_check(const seg_host *host, char *error, size_t error_size)
{
	database_settings trial = {0};
	int failure = read_options(&trial, host, error, error_size);
	if (failure == 0)
		failure = check_connection(trial.connection, error, error_size);
	statements_free(&trial.statements);
	return failure;
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
	plugin->skipped = host->counter(host, "skipped_total",
					"Messages that came again and were in the database already.");
	plugin->transactions = host->counter(host, "transactions_total", "Transactions tried.");
	plugin->failures = host->counter(host, "transaction_failures_total", "Transactions that failed.");
	*out = plugin;
	return 0;
}

static const seg_option options[] = {
	{"connection", SEG_OPTION_TEXT, 1, NULL, "libpq connection string: host=... dbname=..., or a URI."},
	{"table", SEG_OPTION_TEXT, 1, NULL, "TABLE or SCHEMA.TABLE for the rows."},
	{"columns", SEG_OPTION_TEXT, 0, "partition, id, key, data",
	 "COLUMN = FIELD, ..., such as id, customer = key, payload = data, trace = header.trace."},
	{"on_conflict", SEG_OPTION_TEXT, 0, "fail",
	 "If a row's unique key exists. fail: a dead letter. skip: keep the old row. update: replace it."},
	{"key_columns", SEG_OPTION_TEXT, 0, NULL, "Columns of the unique key, for on_conflict = update."},
	{"position_table", SEG_OPTION_TEXT, 0, "segmenter_position",
	 "TABLE or SCHEMA.TABLE for the positions."},
	{"create", SEG_OPTION_BOOLEAN, 0, "yes", "Create the position table if it is missing."},
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
	.check = postgres_check,
	.partition_open = postgres_partition_open,
	.handle = postgres_handle,
	.partition_close = postgres_partition_close,
	.fini = postgres_fini,
};

SEG_HANDLER_EXPORT(handler);
