#include "database.h"

#include <inttypes.h>
#include <poll.h>
#include <time.h>

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- errors, as one line --------------------------------------------------------------------------- */

static void say(database *d, const char *text, const char *more)
{
	snprintf(d->error, d->error_size, "%s%s%s", text, more ? ": " : "", more ? more : "");
	for (char *c = d->error; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	for (size_t n = strlen(d->error); n > 0 && d->error[n - 1] == ' '; n--)
		d->error[n - 1] = '\0';
}

static void say_result(database *d, const PGresult *result)
{
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	say(d, text ? text : PQerrorMessage(d->conn), PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
}

/*
 * Whether the SQLSTATE is one that a message's content can cause: data, integrity, a trigger's exception, or a value that is too long for an
 * index (54000).
 */
static bool is_refusal(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	return state &&
	       (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 ||
		strncmp(state, "P0", 2) == 0 || strncmp(state, "44", 2) == 0 || strcmp(state, "54000") == 0);
}

/* Whether it is the error that `advance` raises if the fence or the position has changed. */
static bool is_fence(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	return state && strcmp(state, "22012") == 0;
}

static void drop(database *d)
{
	PQfinish(d->conn);
	d->conn = NULL;
}

/* --- waiting ----------------------------------------------------------------------------------------- */

static void begin_wait(database *d)
{
	d->deadline = now_ms() + d->settings->timeout / 1000000;
}

/* Waits until it can send or receive, and does so. False with an error if the time is up or the connection breaks. */
static bool wait_for_server(database *d)
{
	int unsent = PQflush(d->conn);
	int64_t left = d->deadline - now_ms();
	if (unsent < 0 || left <= 0) {
		say(d,
		    unsent < 0 ? PQerrorMessage(d->conn)
			       : "the database did not answer within option.timeout",
		    NULL);
		return false;
	}
	struct pollfd socket = {.fd = PQsocket(d->conn),
				.events = (short)(unsent ? POLLIN | POLLOUT : POLLIN)};
	poll(&socket, 1, left < 3600000 ? (int)left : 3600000);
	if ((socket.revents & ~POLLOUT) && !PQconsumeInput(d->conn)) {
		say(d, PQerrorMessage(d->conn), NULL);
		return false;
	}
	return true;
}

/* The next result; NULL after the last result of a command. False as wait_for_server. */
static bool next_result(database *d, PGresult **result)
{
	while (PQflush(d->conn) == 1 || PQisBusy(d->conn))
		if (!wait_for_server(d))
			return false;
	*result = PQgetResult(d->conn);
	return true;
}

/* The last result of what was sent, which the caller clears; NULL with one line in error if that failed. */
static PGresult *finish(database *d, int sent)
{
	PGresult *last = NULL, *result = NULL;
	begin_wait(d);
	if (!sent) {
		say(d, PQerrorMessage(d->conn), NULL);
		return NULL;
	}
	for (;;) {
		if (!next_result(d, &result)) {
			PQclear(last);
			return NULL;
		}
		if (!result)
			break;
		/* The first command that fails is the last that answers. */
		PQclear(last);
		last = result;
	}
	ExecStatusType status = PQresultStatus(last);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return last;
	say_result(d, last);
	PQclear(last);
	return NULL;
}

static bool command(database *d, const char *sql)
{
	PGresult *result = finish(d, PQsendQuery(d->conn, sql));
	PQclear(result);
	return result != NULL;
}

/* --- opening ------------------------------------------------------------------------------------ */

static void log_notice(void *d_, const char *text)
{
	const database *d = d_;
	const seg_host *host = d->settings->host;
	host->log(host, SEG_DEBUG, "partition %" PRIu32 ": %.*s", d->partition, (int)strcspn(text, "\n"),
		  text);
}

static bool connect_to_server(database *d)
{
	int64_t timeout = d->settings->timeout / 1000000;
	char seconds[24], sql[128];
	snprintf(seconds, sizeof(seconds), "%" PRId64, timeout / 1000 + 1);
	/* Settings after `dbname` override the connection string; it overrides the settings before. */
	const char *const names[] = {"connect_timeout", "fallback_application_name", "dbname",
				     "client_encoding", NULL};
	const char *const values[] = {seconds, "segrunner", d->settings->connection, "UTF8", NULL};
	d->conn = PQconnectdbParams(names, values, 1);
	if (PQstatus(d->conn) != CONNECTION_OK || PQsetnonblocking(d->conn, 1) != 0) {
		say(d, "cannot connect", PQerrorMessage(d->conn));
		return false;
	}
	PQsetNoticeProcessor(d->conn, log_notice, d);
	/* The server gives up, too, so that a transaction of a lost connection does not hold locks for long. */
	snprintf(sql, sizeof(sql), "SET statement_timeout = %" PRId64, timeout - timeout / 10);
	return command(d, sql);
}

static bool prepare(database *d, const char *name, const char *sql)
{
	PGresult *result = finish(d, PQsendPrepare(d->conn, name, sql, 0, NULL));
	PQclear(result);
	return result != NULL;
}

/* Prepares the insert, and asks for the columns' types. */
static bool prepare_insert(database *d)
{
	const database_settings *settings = d->settings;
	if (!prepare(d, "insert", settings->statements.insert))
		return false;
	PGresult *result = finish(d, PQsendDescribePrepared(d->conn, "insert"));
	for (int i = 0; result && i < settings->columns.count; i++)
		d->types[i] = PQparamtype(result, i);
	PQclear(result);
	return result != NULL;
}

/* Creates the position table if it is missing. Only then the right to create tables is needed. */
static bool create_position(database *d)
{
	const statements *s = &d->settings->statements;
	const char *const values[] = {s->position_table};
	PGresult *result = finish(d, PQsendQueryParams(d->conn, "SELECT to_regclass($1)", 1, NULL, values,
						       NULL, NULL, 0));
	if (!result)
		return false;
	bool missing = PQgetisnull(result, 0, 0);
	PQclear(result);
	return !missing || command(d, s->create);
}

/* The texts of $1 to $4. */
typedef struct names {
	char partition[16], epoch[24];
	const char *values[4];
} names;

static void fill_names(const database *d, names *n)
{
	snprintf(n->partition, sizeof(n->partition), "%" PRIu32, d->partition);
	snprintf(n->epoch, sizeof(n->epoch), "%" PRIu64, d->epoch);
	n->values[0] = d->settings->host->stream;
	n->values[1] = d->settings->host->group;
	n->values[2] = n->partition;
	n->values[3] = n->epoch;
}

static bool claim(database *d)
{
	names n;
	fill_names(d, &n);
	PGresult *result = finish(d, PQsendQueryParams(d->conn, d->settings->statements.claim, 4, NULL,
						       n.values, NULL, NULL, 0));
	if (!result)
		return false;
	bool claimed = PQntuples(result) == 1;
	if (claimed) {
		d->position.ms = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
		d->position.seq = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
	} else {
		say(d, "another runner has taken over this partition: the database has a later epoch than",
		    n.epoch);
	}
	PQclear(result);
	return claimed;
}

void database_init(database *d, const database_settings *settings, uint32_t partition, uint64_t epoch)
{
	*d = (database){.settings = settings, .partition = partition, .epoch = epoch};
}

int database_open(database *d, char *error, size_t error_size)
{
	d->error = error;
	d->error_size = error_size;
	if (connect_to_server(d) && (!d->settings->create || create_position(d)) && prepare_insert(d) &&
	    prepare(d, "advance", d->settings->statements.advance) && claim(d))
		return 0;
	drop(d);
	return -1;
}

/* --- storing ------------------------------------------------------------------------------------- */

static bool send_row(database *d, const seg_batch *batch, size_t index)
{
	const database_settings *s = d->settings;
	row *r = &d->row;
	return columns_fill(&s->columns, d->types, s->host, batch, index, r) &&
	       PQsendQueryPrepared(d->conn, "insert", s->columns.count, r->values, r->lengths, r->formats, 0);
}

static bool send_advance(database *d, seg_id to)
{
	names n;
	char numbers[4][24];
	const uint64_t ids[] = {d->position.ms, d->position.seq, to.ms, to.seq};
	const char *values[8];
	fill_names(d, &n);
	memcpy(values, n.values, sizeof(n.values));
	for (int i = 0; i < 4; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, ids[i]);
		values[4 + i] = numbers[i];
	}
	return PQsendQueryPrepared(d->conn, "advance", 8, values, NULL, NULL, 0);
}

/* The first failure of a pipeline. */
typedef struct failure {
	bool happened;
	size_t command; /* the number of the command that failed, from 0 */
	bool refusal;
	bool fence;
} failure;

/* Reads to the end of the pipeline. False if the connection can no longer be used. */
static bool read_pipeline(database *d, failure *f)
{
	size_t number = 0;
	PGresult *result;
	begin_wait(d);
	for (;;) {
		if (!next_result(d, &result))
			return false;
		if (!result && PQstatus(d->conn) == CONNECTION_BAD) {
			if (!f->happened)
				say(d, PQerrorMessage(d->conn), NULL);
			return false;
		}
		if (!result) {
			number++;
			continue;
		}
		begin_wait(d);
		ExecStatusType status = PQresultStatus(result);
		if (status == PGRES_FATAL_ERROR && !f->happened) {
			*f = (failure){true, number, is_refusal(result), is_fence(result)};
			say_result(d, result);
		}
		PQclear(result);
		if (status == PGRES_PIPELINE_SYNC)
			return PQexitPipelineMode(d->conn) == 1;
	}
}

/*
 * Sends the rows, and then the position, so that the position is locked only briefly. All up to the sync is one transaction,
 * which the server rolls back at the first failure.
 */
static bool send_pipeline(database *d, const seg_batch *batch, size_t from, size_t count)
{
	bool sent = PQenterPipelineMode(d->conn);
	for (size_t i = from; sent && i < from + count; i++)
		sent = send_row(d, batch, i);
	if (sent && send_advance(d, batch->messages[from + count - 1].id) && PQpipelineSync(d->conn))
		return true;
	say(d, d->row.text.failed ? "out of memory" : PQerrorMessage(d->conn), NULL);
	return false;
}

static database_result judge(database *d, const failure *f, size_t from, size_t count, size_t *refused)
{
	if (f->command == count && f->fence) {
		say(d,
		    "another connection has moved this partition's position in the database; reading it again, unless "
		    "another runner has taken over the partition",
		    NULL);
		drop(d);
		return DATABASE_FAILED;
	}
	if (!f->refusal)
		return DATABASE_FAILED;
	/* A failure at the end is a deferred constraint: the message is unknown. */
	*refused = f->command < count ? from + f->command : SIZE_MAX;
	return DATABASE_REFUSED;
}

database_result database_store(database *d, const seg_batch *batch, size_t from, size_t count,
			       size_t *refused, char *error, size_t error_size)
{
	failure f = {0};
	d->error = error;
	d->error_size = error_size;
	for (size_t i = from; i < from + count; i++)
		if (columns_check(&d->settings->columns, d->types, &batch->messages[i], error, error_size)) {
			*refused = i;
			return DATABASE_REFUSED;
		}
	if (!send_pipeline(d, batch, from, count) || !read_pipeline(d, &f)) {
		drop(d);
		return DATABASE_FAILED;
	}
	if (!f.happened) {
		d->position = batch->messages[from + count - 1].id;
		return DATABASE_DONE;
	}
	return judge(d, &f, from, count, refused);
}

void database_close(database *d)
{
	drop(d);
	buffer_fini(&d->row.text);
}
