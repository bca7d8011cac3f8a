#include "redis/connection.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/names.h"
#include "base/random.h"
#include "redis/dial.h"
#include "redis/pipeline.h"
#include "redis/preparation.h"
#include "redis/reader.h"

enum {
	READ_SIZE = 256 * 1024, /* of one read(2): a usual batch comes whole */
	READS_PER_TICK = 8,     /* so that one busy connection does not starve the thread's other work */
};

#define BACKOFF_BASE (50 * SEG_MS)
#define BACKOFF_CAP (2 * SEG_SECOND)
#define STABLE (5 * SEG_SECOND)

typedef enum { DOWN, DIALING, PREPARING, READY } connection_state;

struct seg_connection {
	seg_connection_options options;
	char client_name[SEG_NAME_MAX + 1];
	connection_state state;
	seg_dial *dial;
	seg_transport *transport; /* PREPARING, READY; else NULL */
	unsigned failures;        /* in a row */
	uint64_t incarnation;
	int64_t retry_at;   /* DOWN: when to connect */
	int64_t ready_at;   /* READY: since when */
	int64_t connect_by; /* DIALING, PREPARING */
	int64_t heard_at;   /* when the last byte came */
	bool in_callbacks;  /* callbacks run; a break is delayed until they have returned */
	bool break_wanted;
	seg_error error;

	seg_pipeline pipeline;
	seg_preparation preparation;
	seg_reader reader;
	char *read_buffer;
};

static void went_down(seg_connection *c);

/* The server, for messages. */
static const char *where(const seg_connection *c)
{
	return seg_dial_where(c->dial);
}

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
	c->dial = seg_dial_create(options->address, options->endpoint);
	c->preparation = (seg_preparation){.pipeline = &c->pipeline,
					   .address = options->address,
					   .client_name = c->client_name};
	c->read_buffer = malloc(READ_SIZE);
	bool made = seg_pipeline_init(&c->pipeline) && seg_reader_init(&c->reader);
	if (!made || !c->read_buffer || !c->dial) {
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
		seg_fail(&c->error, SEG_ECLOSED, "the connection to %s was closed", where(c));
		went_down(c);
	}
	seg_dial_destroy(c->dial);
	seg_reader_fini(&c->reader);
	seg_pipeline_fini(&c->pipeline);
	free(c->read_buffer);
	free(c);
}

/* --- going up and down --------------------------------------------------- */

/* Runs the waiting callbacks with NULL, and plans the next attempt. c->error says why. */
static void went_down(seg_connection *c)
{
	bool was_ready = c->state == READY;
	seg_transport_close(c->transport);
	c->transport = NULL;
	c->state = DOWN;
	c->break_wanted = false;
	/* A connection that breaks soon after each connect counts as failing: the pauses keep growing. */
	if (was_ready && seg_now() - c->ready_at > STABLE)
		c->failures = 0;
	c->failures++;
	c->retry_at = seg_now() + seg_backoff(BACKOFF_BASE, BACKOFF_CAP, c->failures);
	seg_output_clear(&c->pipeline.output);
	c->in_callbacks = true;
	while (c->pipeline.count > 0) {
		seg_waiting_command command = seg_pipeline_pop(&c->pipeline);
		command.fn(command.arg, NULL);
	}
	c->in_callbacks = false;
	c->break_wanted = false;
	/* Warn when the connection is lost, then at failure 8, 16, 32, ...: the log is not flooded. */
	bool long_away = c->failures >= 8 && (c->failures & (c->failures - 1)) == 0;
	if (c->error.status != SEG_ECLOSED)
		seg_log(&c->options.logger,
			long_away || (was_ready && c->failures == 1) ? SEG_LOG_WARNING : SEG_LOG_DEBUG,
			"%s; %s", c->error.text,
			long_away ? "reconnecting until it answers" : "reconnecting");
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

/* --- commands ------------------------------------------------------------ */

static bool takes_commands(const seg_connection *c)
{
	return c->state == READY && !c->break_wanted;
}

bool seg_connection_command(seg_connection *c, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
			    const size_t *lengths)
{
	return seg_connection_entries(c, NULL, fn, arg, argc, argv, lengths);
}

bool seg_connection_entries(seg_connection *c, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
			    const char *const *argv, const size_t *lengths)
{
	return takes_commands(c) && seg_pipeline_command(&c->pipeline, sink, fn, arg, argc, argv, lengths);
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
	return takes_commands(c) &&
	       seg_pipeline_script(&c->pipeline, script, fn, arg, keys, argc, argv, lengths);
}

/* --- preparing a fresh connection ------------------------------------------ */

static void start_preparing(seg_connection *c)
{
	c->transport = seg_dial_take(c->dial);
	c->preparation.where = where(c);
	c->state = PREPARING;
	c->heard_at = seg_now();
	c->pipeline.round_trip = 0;
	if (!seg_reader_restart(&c->reader) || !seg_preparation_start(&c->preparation))
		fail_now(c, SEG_ENOMEM, "out of memory");
}

static void start_dialing(seg_connection *c, int64_t now)
{
	c->connect_by = now + c->options.connect_timeout;
	c->state = DIALING;
	seg_dial_begin(c->dial);
}

static void go_on_dialing(seg_connection *c)
{
	switch (seg_dial_step(c->dial, &c->error)) {
	case SEG_DIAL_DUE:
		break;
	case SEG_DIAL_OPEN:
		start_preparing(c);
		break;
	case SEG_DIAL_FAILED:
		went_down(c);
		break;
	}
}

/* After each reply, until the connection is ready. */
static void check_preparation(seg_connection *c)
{
	switch (c->preparation.outcome) {
	case SEG_PREPARATION_DUE:
		break;
	case SEG_PREPARATION_FAILED:
		seg_connection_break(c, c->preparation.error.status, "%s", c->preparation.error.text);
		break;
	case SEG_PREPARATION_DONE:
		c->state = READY;
		c->incarnation++;
		c->ready_at = seg_now();
		c->error.status = 0;
		if (c->options.on_state)
			c->options.on_state(c->options.arg, true, NULL);
		break;
	}
}

/* --- the duty cycle -------------------------------------------------------- */

static void answer(seg_connection *c, const seg_reply *reply)
{
	if (c->pipeline.count == 0) {
		seg_connection_break(c, SEG_EPROTOCOL, "Redis at %s sent a reply to no command", where(c));
		return;
	}
	seg_pipeline_answered(&c->pipeline);
	seg_waiting_command command = seg_pipeline_pop(&c->pipeline);
	if (reply->type == SEG_REPLY_ERROR && strncmp(reply->text, "NOSCRIPT", 8) == 0)
		seg_preparation_reload_scripts(&c->preparation);
	command.fn(command.arg, reply);
	if (c->state == PREPARING && !c->break_wanted)
		check_preparation(c);
}

/* Runs the callbacks of all whole replies; false if the connection broke. */
static bool take_replies(seg_connection *c)
{
	bool good = true;
	c->in_callbacks = true;
	while (!c->break_wanted) {
		const seg_reply *reply = NULL;
		int got = seg_reader_next(&c->reader, seg_pipeline_sink(&c->pipeline), &reply);
		if (got == 0)
			break;
		if (got < 0) {
			seg_connection_break(
				c, SEG_EPROTOCOL,
				"the server at %s does not speak the Redis protocol (%s); check the address",
				where(c), seg_reader_error(&c->reader));
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
		ssize_t n = seg_transport_read(c->transport, c->read_buffer, READ_SIZE);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			seg_fail(&c->error, SEG_EUNREACHABLE, "Redis at %s %s", where(c),
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
	seg_output *output = &c->pipeline.output;
	while (c->state >= PREPARING && seg_output_length(output) > 0) {
		ssize_t n = seg_transport_write(c->transport, seg_output_bytes(output),
						seg_output_length(output));
		if (n < 0) {
			if (errno == EAGAIN)
				return;
			char text[256];
			snprintf(text, sizeof(text), "writing to Redis at %s: %s", where(c), strerror(errno));
			fail_now(c, SEG_EUNREACHABLE, text);
			return;
		}
		seg_output_consume(output, (size_t)n);
	}
}

/*
 * When to break the connection because of an answer that is due; SEG_NEVER: no answer is due, or no timeout.
 */
static int64_t answer_by(const seg_connection *c)
{
	if (c->pipeline.count == 0 || c->options.answer_timeout == 0)
		return SEG_NEVER;
	int64_t since = c->heard_at > c->pipeline.busy_since ? c->heard_at : c->pipeline.busy_since;
	return since + c->options.answer_timeout;
}

static void check_timeouts(seg_connection *c, int64_t now)
{
	if (c->state == DIALING && now >= c->connect_by) {
		seg_dial_give_up(c->dial, c->options.connect_timeout, &c->error);
		went_down(c);
	} else if (c->state == PREPARING && now >= c->connect_by) {
		seg_connection_break(c, SEG_EUNREACHABLE, "no answer from %s within %lld ms", where(c),
				     (long long)(c->options.connect_timeout / SEG_MS));
	} else if (c->state == READY && now >= answer_by(c)) {
		seg_connection_break(c, SEG_EUNREACHABLE, "Redis at %s did not answer for %lld ms", where(c),
				     (long long)(c->options.answer_timeout / SEG_MS));
	}
}

static int64_t next_timer(const seg_connection *c)
{
	switch (c->state) {
	case DOWN:
		return c->retry_at;
	case DIALING:
	case PREPARING:
		return c->connect_by;
	case READY:
		return answer_by(c);
	}
	return SEG_NEVER;
}

int64_t seg_connection_tick(seg_connection *c, int64_t now, bool readable)
{
	if (c->state == DOWN && now >= c->retry_at)
		start_dialing(c, now);
	if (c->state == DIALING)
		go_on_dialing(c);
	if (c->state >= PREPARING) {
		seg_connection_flush(c);
		if (readable && c->state >= PREPARING)
			read_some(c, now);
		/* Commands that callbacks issued are sent in the same round. */
		seg_connection_flush(c);
	}
	check_timeouts(c, now);
	return next_timer(c);
}

/* --- looking ----------------------------------------------------------------- */

bool seg_connection_ready(const seg_connection *c)
{
	return takes_commands(c);
}

const seg_error *seg_connection_error(const seg_connection *c)
{
	return &c->error;
}

bool seg_connection_is_refused(const seg_connection *c)
{
	return c->state == DOWN && (c->error.status == SEG_EAUTH || c->error.status == SEG_EPROTOCOL);
}

uint64_t seg_connection_incarnation(const seg_connection *c)
{
	return c->incarnation;
}

int64_t seg_connection_client_id(const seg_connection *c)
{
	return c->state >= PREPARING ? c->preparation.client_id : -1;
}

size_t seg_connection_waiting(const seg_connection *c)
{
	return c->pipeline.count;
}

int64_t seg_connection_round_trip(const seg_connection *c)
{
	return c->pipeline.round_trip;
}

size_t seg_connection_unsent(const seg_connection *c)
{
	return seg_output_length(&c->pipeline.output);
}

struct pollfd seg_connection_polled(const seg_connection *c)
{
	int fd = -1;
	short events = POLLIN | (seg_output_length(&c->pipeline.output) ? POLLOUT : 0);
	if (c->state == DIALING) {
		fd = seg_dial_fd(c->dial);
		events = seg_dial_events(c->dial);
	} else if (c->transport) {
		fd = seg_transport_fd(c->transport);
	}
	return (struct pollfd){.fd = fd, .events = events};
}
