#include "redis/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/names.h"
#include "base/random.h"
#include "redis/output.h"
#include "redis/reader.h"
#include "redis/transport.h"

enum {
	READ_SIZE = 256 * 1024, /* one read(2): a 75-KiB reply comes whole */
	READS_PER_TICK = 8,     /* so that one busy connection does not starve its thread */
};

#define BACKOFF_BASE (50 * SEG_MS)
#define BACKOFF_CAP (2 * SEG_SECOND)
#define STABLE (5 * SEG_SECOND)

typedef enum { DOWN, CONNECTING, PREPARING, READY } connection_state;

typedef struct {
	seg_reply_fn fn;
	void *arg;
	seg_entry_sink *sink;
} waiting_command;

struct seg_connection {
	seg_connection_options options;
	char client_name[SEG_NAME_MAX + 1];
	connection_state state;
	int fd;
	unsigned failures; /* in a row */
	uint64_t incarnation;
	int64_t client_id;  /* CLIENT ID, or -1 */
	int64_t retry_at;   /* DOWN: when to connect */
	int64_t ready_at;   /* READY: since when */
	int64_t connect_by; /* CONNECTING, PREPARING */
	int64_t heard_at;   /* the last byte, or the first command since nothing waited */
	bool in_callbacks;  /* a break is put off until they are through */
	bool break_wanted;
	seg_error error;

	seg_output output;
	seg_reader reader;
	char *read_buffer;

	/* A ring: commands without an answer, oldest at head. */
	waiting_command *waiting;
	size_t head, count, capacity; /* capacity is a power of two */

	unsigned preparing; /* answers of the preparation that are due */
	unsigned reloading; /* and of scripts that Redis had forgotten */
};

static void went_down(seg_connection *c);

/* --- making and unmaking ------------------------------------------------- */

seg_connection *seg_connection_create(const seg_connection_options *options)
{
	seg_connection *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->options = *options;
	snprintf(c->client_name, sizeof(c->client_name), "%s",
		 options->client_name ? options->client_name : "");
	c->options.client_name = c->client_name;
	c->fd = -1;
	c->client_id = -1;
	c->capacity = 64;
	c->waiting = calloc(c->capacity, sizeof(*c->waiting));
	c->read_buffer = malloc(READ_SIZE);
	if (!c->waiting || !c->read_buffer || !seg_reader_init(&c->reader)) {
		seg_connection_destroy(c);
		return NULL;
	}
	return c;
}

void seg_connection_destroy(seg_connection *c)
{
	if (!c)
		return;
	c->options.on_state = NULL;
	if (c->state != DOWN) {
		seg_fail(&c->error, SEG_ECLOSED, "the connection to %s was closed", c->options.address->text);
		went_down(c);
	}
	seg_reader_fini(&c->reader);
	seg_output_fini(&c->output);
	free(c->waiting);
	free(c->read_buffer);
	free(c);
}

/* --- going up and down --------------------------------------------------- */

static waiting_command pop_waiting(seg_connection *c)
{
	waiting_command command = c->waiting[c->head];
	c->head = (c->head + 1) & (c->capacity - 1);
	c->count--;
	return command;
}

/* c->error says why. Runs what waits with NULL, and plans the next attempt. */
static void went_down(seg_connection *c)
{
	bool was_ready = c->state == READY;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = DOWN;
	c->break_wanted = false;
	c->client_id = -1;
	/* A connection that breaks right after each success is no success: the pauses go on growing. */
	if (was_ready && seg_now() - c->ready_at > STABLE)
		c->failures = 0;
	c->failures++;
	c->retry_at = seg_now() + seg_backoff(BACKOFF_BASE, BACKOFF_CAP, c->failures);
	seg_output_clear(&c->output);
	c->in_callbacks = true;
	while (c->count > 0) {
		waiting_command command = pop_waiting(c);
		command.fn(command.arg, NULL);
	}
	c->in_callbacks = false;
	c->break_wanted = false;
	/* A line when it goes, and when it stays away one at each power of two: never a flood. */
	bool long_away = c->failures >= 8 && (c->failures & (c->failures - 1)) == 0;
	if (c->error.status != SEG_ECLOSED)
		seg_log(&c->options.logger,
			long_away || (was_ready && c->failures == 1) ? SEG_LOG_WARNING : SEG_LOG_DEBUG,
			"%s; %s", c->error.text,
			long_away ? "trying again until it answers" : "trying again");
	if (c->options.on_state)
		c->options.on_state(c->options.arg, false, &c->error);
}

static void fail_now(seg_connection *c, int status, const char *text)
{
	seg_fail(&c->error, status, "%s", text);
	if (c->in_callbacks)
		c->break_wanted = true;
	else
		went_down(c);
}

void seg_connection_break(seg_connection *c, int status, const char *format, ...)
{
	if (c->state == DOWN || c->break_wanted)
		return;
	char text[SEG_ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fail_now(c, status, text);
}

static void start_connecting(seg_connection *c, int64_t now)
{
	c->fd = seg_transport_open(c->options.address, c->failures, &c->error);
	if (c->fd < 0) {
		went_down(c);
		return;
	}
	if (!seg_reader_restart(&c->reader)) {
		seg_fail(&c->error, SEG_ENOMEM, "out of memory");
		went_down(c);
		return;
	}
	c->state = CONNECTING;
	c->connect_by = now + c->options.connect_timeout;
	c->heard_at = now;
}

/* --- commands ------------------------------------------------------------ */

static bool push_waiting(seg_connection *c, seg_reply_fn fn, void *arg, seg_entry_sink *sink)
{
	if (c->count == c->capacity) {
		waiting_command *larger = calloc(c->capacity * 2, sizeof(*larger));
		if (!larger)
			return false;
		for (size_t i = 0; i < c->count; i++)
			larger[i] = c->waiting[(c->head + i) & (c->capacity - 1)];
		free(c->waiting);
		c->waiting = larger;
		c->head = 0;
		c->capacity *= 2;
	}
	if (c->count == 0)
		c->heard_at = seg_now();
	c->waiting[(c->head + c->count) & (c->capacity - 1)] = (waiting_command){fn, arg, sink};
	c->count++;
	return true;
}

static bool issue(seg_connection *c, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
		  const char *const *argv, const size_t *lengths)
{
	if (!seg_output_reserve(&c->output, argc, argv, lengths) || !push_waiting(c, fn, arg, sink))
		return false;
	seg_output_command(&c->output, argc, argv, lengths);
	return true;
}

bool seg_connection_command(seg_connection *c, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
			    const size_t *lengths)
{
	return seg_connection_entries(c, NULL, fn, arg, argc, argv, lengths);
}

bool seg_connection_entries(seg_connection *c, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
			    const char *const *argv, const size_t *lengths)
{
	if (c->state != READY || c->break_wanted)
		return false;
	return issue(c, sink, fn, arg, argc, argv, lengths);
}

enum { WORDS_MAX = 16 };

static int collect_words(const char *argv[WORDS_MAX], va_list args)
{
	int argc = 0;
	for (const char *word; (word = va_arg(args, const char *)) && argc < WORDS_MAX;)
		argv[argc++] = word;
	return argc;
}

bool seg_connection_words(seg_connection *c, seg_reply_fn fn, void *arg, ...)
{
	const char *argv[WORDS_MAX];
	va_list args;
	va_start(args, arg);
	int argc = collect_words(argv, args);
	va_end(args);
	return seg_connection_command(c, fn, arg, argc, argv, NULL);
}

bool seg_connection_script(seg_connection *c, seg_script script, seg_reply_fn fn, void *arg, int keys,
			   int argc, const char *const *argv, const size_t *lengths)
{
	if (c->state != READY || c->break_wanted)
		return false;
	char key_count[12];
	snprintf(key_count, sizeof(key_count), "%d", keys);
	const char *head[3] = {"EVALSHA", seg_script_sources[script].sha1, key_count};
	if (!seg_output_reserve(&c->output, argc, argv, lengths) || !push_waiting(c, fn, arg, NULL))
		return false;
	seg_output_begin(&c->output, 3 + argc);
	seg_output_arguments(&c->output, 3, head, NULL);
	seg_output_arguments(&c->output, argc, argv, lengths);
	return true;
}

/* --- preparing a fresh connection ------------------------------------------ */

static void prepared_one(seg_connection *c)
{
	if (--c->preparing > 0 || c->break_wanted)
		return;
	c->state = READY;
	c->incarnation++;
	c->ready_at = seg_now();
	c->error.status = 0;
	if (c->options.on_state)
		c->options.on_state(c->options.arg, true, NULL);
}

static void prepared(void *arg, const seg_reply *reply)
{
	seg_connection *c = arg;
	if (!reply || c->break_wanted)
		return;
	if (reply->type == SEG_REPLY_ERROR) {
		/* LOADING, say, passes as an absence does. */
		int status = seg_reply_is_transient(reply) ? SEG_EUNREACHABLE : seg_reply_status(reply);
		const char *where = c->options.address->text;
		if (strncmp(reply->text, "NOAUTH", 6) == 0)
			seg_connection_break(
				c, status,
				"Redis at %s asks for a password; put it into the address: redis://:password@host",
				where);
		else if (status == SEG_EAUTH)
			seg_connection_break(c, status, "Redis at %s refuses this user or password: %.200s",
					     where, reply->text);
		else
			seg_connection_break(c, status, "Redis at %s is not usable: %.300s", where,
					     reply->text);
		return;
	}
	prepared_one(c);
}

static void prepared_optional(void *arg, const seg_reply *reply)
{
	seg_connection *c = arg;
	if (reply)
		prepared_one(c);
}

static void got_client_id(void *arg, const seg_reply *reply)
{
	seg_connection *c = arg;
	c->client_id = seg_reply_number(reply, -1);
	prepared_optional(c, reply);
}

/*
 * The scripts come last, in the order of the enum. An answer that is not the script's hash belongs to another question, and
 * so would all that follow.
 */
static void loaded_script(void *arg, const seg_reply *reply)
{
	seg_connection *c = arg;
	if (!reply)
		return;
	const struct seg_script_source *script = &seg_script_sources[SEG_SCRIPT_COUNT - c->preparing];
	if (reply->type != SEG_REPLY_ERROR && !seg_reply_is(reply, script->sha1))
		seg_connection_break(
			c, SEG_EPROTOCOL,
			"what answers at %s takes script %s for another one; is there a proxy between?",
			c->options.address->text, script->name);
	prepared(c, reply);
}

static bool prepare(seg_connection *c, seg_reply_fn fn, const char *a, const char *b, const char *d)
{
	const char *argv[3] = {a, b, d};
	int argc = d ? 3 : b ? 2 : 1;
	c->preparing++;
	return issue(c, NULL, fn, c, argc, argv, NULL);
}

static void start_preparing(seg_connection *c)
{
	const seg_address *address = c->options.address;
	c->state = PREPARING;
	c->preparing = 0;
	bool good = true;
	if (address->password && address->user)
		good = prepare(c, prepared, "AUTH", address->user, address->password);
	else if (address->password)
		good = prepare(c, prepared, "AUTH", address->password, NULL);
	if (address->database) {
		char database[12];
		snprintf(database, sizeof(database), "%u", address->database);
		good = good && prepare(c, prepared, "SELECT", database, NULL);
	}
	if (c->client_name[0])
		good = good && prepare(c, prepared_optional, "CLIENT", "SETNAME", c->client_name);
	good = good && prepare(c, got_client_id, "CLIENT", "ID", NULL);
	for (int i = 0; i < SEG_SCRIPT_COUNT && good; i++)
		good = prepare(c, loaded_script, "SCRIPT", "LOAD", seg_script_sources[i].text);
	if (!good)
		fail_now(c, SEG_ENOMEM, "out of memory");
}

static void reloaded_script(void *arg, const seg_reply *reply)
{
	seg_connection *c = arg;
	(void)reply;
	c->reloading--;
}

/*
 * Redis forgot the scripts (SCRIPT FLUSH, a failover): hand them over again, once for all the calls that were under way
 * and are refused before the first of these is answered.
 */
static void reload_scripts(seg_connection *c)
{
	if (c->reloading > 0)
		return;
	for (int i = 0; i < SEG_SCRIPT_COUNT; i++) {
		const char *argv[3] = {"SCRIPT", "LOAD", seg_script_sources[i].text};
		c->reloading += issue(c, NULL, reloaded_script, c, 3, argv, NULL);
	}
}

/* --- the duty cycle -------------------------------------------------------- */

static void answer(seg_connection *c, const seg_reply *reply)
{
	if (c->count == 0) {
		seg_connection_break(c, SEG_EPROTOCOL, "Redis at %s answered what nobody asked",
				     c->options.address->text);
		return;
	}
	waiting_command command = pop_waiting(c);
	if (reply->type == SEG_REPLY_ERROR && strncmp(reply->text, "NOSCRIPT", 8) == 0)
		reload_scripts(c);
	command.fn(command.arg, reply);
}

/* Runs the callbacks of all whole replies; false if the connection broke. */
static bool take_replies(seg_connection *c)
{
	bool good = true;
	c->in_callbacks = true;
	while (!c->break_wanted) {
		const seg_reply *reply = NULL;
		seg_entry_sink *sink = c->count ? c->waiting[c->head].sink : NULL;
		int got = seg_reader_next(&c->reader, sink, &reply);
		if (got == 0)
			break;
		if (got < 0) {
			seg_connection_break(
				c, SEG_EPROTOCOL,
				"what answers at %s does not speak Redis's protocol (%s); is the address right?",
				c->options.address->text, seg_reader_error(&c->reader));
			break;
		}
		answer(c, reply);
		seg_reader_release(&c->reader);
	}
	c->in_callbacks = false;
	if (c->break_wanted) {
		good = false;
		went_down(c);
	}
	return good;
}

static void read_some(seg_connection *c, int64_t now)
{
	for (int i = 0; i < READS_PER_TICK; i++) {
		ssize_t n = seg_transport_read(c->fd, c->read_buffer, READ_SIZE);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			seg_fail(&c->error, SEG_EUNREACHABLE, "Redis at %s %s", c->options.address->text,
				 n == 0 ? "closed the connection" : strerror(errno));
			went_down(c);
			return;
		}
		c->heard_at = now;
		if (!seg_reader_feed(&c->reader, c->read_buffer, (size_t)n)) {
			fail_now(c, SEG_ENOMEM, "out of memory for a reply");
			return;
		}
		if (!take_replies(c))
			return;
		if (n < READ_SIZE)
			return;
	}
}

void seg_connection_flush(seg_connection *c)
{
	while (c->fd >= 0 && c->state >= PREPARING && seg_output_length(&c->output) > 0) {
		ssize_t n = seg_transport_write(c->fd, seg_output_bytes(&c->output),
						seg_output_length(&c->output));
		if (n < 0) {
			if (errno == EAGAIN)
				return;
			char text[256];
			snprintf(text, sizeof(text), "writing to Redis at %s: %s", c->options.address->text,
				 strerror(errno));
			fail_now(c, SEG_EUNREACHABLE, text);
			return;
		}
		seg_output_consume(&c->output, (size_t)n);
	}
}

static void check_timeouts(seg_connection *c, int64_t now)
{
	if ((c->state == CONNECTING || c->state == PREPARING) && now >= c->connect_by)
		seg_connection_break(c, SEG_EUNREACHABLE, "no answer from %s within %lld ms",
				     c->options.address->text,
				     (long long)(c->options.connect_timeout / SEG_MS));
	else if (c->state == READY && c->count > 0 && c->options.answer_timeout > 0 &&
		 now >= c->heard_at + c->options.answer_timeout)
		seg_connection_break(c, SEG_EUNREACHABLE, "Redis at %s did not answer for %lld ms",
				     c->options.address->text,
				     (long long)(c->options.answer_timeout / SEG_MS));
}

static int64_t next_timer(const seg_connection *c)
{
	switch (c->state) {
	case DOWN:
		return c->retry_at;
	case CONNECTING:
	case PREPARING:
		return c->connect_by;
	case READY:
		if (c->count > 0 && c->options.answer_timeout > 0)
			return c->heard_at + c->options.answer_timeout;
		return SEG_NEVER;
	}
	return SEG_NEVER;
}

int64_t seg_connection_tick(seg_connection *c, int64_t now, bool readable)
{
	if (c->state == DOWN && now >= c->retry_at)
		start_connecting(c, now);
	if (c->state == CONNECTING) {
		struct pollfd poller = {.fd = c->fd, .events = POLLOUT};
		if (poll(&poller, 1, 0) == 1) {
			if (seg_transport_connected(c->fd, c->options.address, &c->error))
				went_down(c);
			else
				start_preparing(c);
		}
	}
	if (c->state >= PREPARING) {
		seg_connection_flush(c);
		if (readable && c->state >= PREPARING)
			read_some(c, now);
		/* What callbacks issued leaves in the same round. */
		seg_connection_flush(c);
	}
	check_timeouts(c, now);
	return next_timer(c);
}

/* --- looking and waiting ----------------------------------------------------- */

bool seg_connection_ready(const seg_connection *c)
{
	return c->state == READY && !c->break_wanted;
}

const seg_error *seg_connection_error(const seg_connection *c)
{
	return &c->error;
}

uint64_t seg_connection_incarnation(const seg_connection *c)
{
	return c->incarnation;
}

int64_t seg_connection_client_id(const seg_connection *c)
{
	return c->client_id;
}

size_t seg_connection_waiting(const seg_connection *c)
{
	return c->count;
}

size_t seg_connection_unsent(const seg_connection *c)
{
	return seg_output_length(&c->output);
}

int seg_connection_fd(const seg_connection *c)
{
	return c->fd;
}

uint32_t seg_connection_events(const seg_connection *c)
{
	if (c->state == CONNECTING)
		return EPOLLOUT;
	return EPOLLIN | (seg_output_length(&c->output) ? EPOLLOUT : 0);
}

static bool refused_for_good(const seg_connection *c)
{
	return c->state == DOWN && (c->error.status == SEG_EAUTH || c->error.status == SEG_EPROTOCOL);
}

static int wait_for(seg_connection *c, const bool *done, int64_t deadline)
{
	for (;;) {
		int64_t now = seg_now();
		int64_t timer = seg_connection_tick(c, now, true);
		if (done ? *done : seg_connection_ready(c))
			return 0;
		if (refused_for_good(c))
			return c->error.status;
		now = seg_now();
		if (now >= deadline)
			return SEG_ETIMEOUT;
		uint32_t wanted = c->fd >= 0 ? seg_connection_events(c) : 0;
		struct pollfd poller = {
			.fd = c->fd,
			.events =
				(short)((wanted & EPOLLIN ? POLLIN : 0) | (wanted & EPOLLOUT ? POLLOUT : 0)),
		};
		poll(&poller, 1, seg_poll_timeout(timer < deadline ? timer : deadline, now));
	}
}

int seg_connection_wait(seg_connection *c, const bool *done, int64_t deadline)
{
	return wait_for(c, done, deadline);
}

int seg_connection_wait_ready(seg_connection *c, int64_t deadline)
{
	return wait_for(c, NULL, deadline);
}
