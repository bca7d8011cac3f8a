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
#include "redis/dial.h"
#include "redis/pipeline.h"
#include "redis/preparation.h"
#include "redis/progress.h"
#include "redis/reader.h"
#include "redis/reconnect.h"

enum {
	READ_SIZE = 256 * 1024, /* of one read(2): a usual batch comes whole */
	READS_PER_TICK = 8,     /* so that one busy connection does not starve the thread's other work */
};

/* Between two looks whether the master is another one, while something is due. */
#define MASTER_INTERVAL (250 * SEG_MS)

typedef enum { DOWN, DIALING, PREPARING, READY } connection_state;

struct seg_connection {
	seg_connection_options options;
	char client_name[SEG_NAME_MAX + 1];
	connection_state state;
	seg_dial *dial;
	seg_transport *transport; /* PREPARING, READY; else NULL */
	seg_reconnect reconnect;
	uint64_t incarnation;
	int64_t ready_at;   /* READY: since when */
	int64_t connect_by; /* DIALING, PREPARING */
	int64_t heard_at;   /* when the last byte came */
	seg_progress progress;
	bool in_callbacks; /* callbacks run; a break is delayed until they have returned */
	bool break_wanted;
	bool is_no_master; /* the server has said so: break after the answers that have come */
	bool role_warned;
	seg_error error;

	seg_pipeline pipeline;
	seg_pipeline parked;     /* with options.early: the commands that wait for the connection */
	seg_denials own_denials; /* if the owner gives none */
	seg_preparation preparation;
	seg_reader reader;
	char *read_buffer;
};

static void went_down(seg_connection *c);
static void check_preparation(seg_connection *c);

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
	c->dial = seg_dial_create(options->address, options->endpoint, options->master);
	bool may_be_replica = options->master || (!options->endpoint && options->address->endpoint_count > 1);
	c->preparation = (seg_preparation){.pipeline = &c->pipeline,
					   .address = options->address,
					   .is_sentinel = options->is_sentinel,
					   .check_role = may_be_replica && !options->is_sentinel,
					   .client_name = c->client_name,
					   .without_scripts = options->without_scripts,
					   .on_slots = options->on_slots,
					   .arg = options->arg,
					   .login_only = options->login_only,
					   .denials = options->denials ? options->denials : &c->own_denials,
					   .logger = &c->options.logger};
	c->read_buffer = malloc(READ_SIZE);
	bool made = seg_pipeline_init(&c->pipeline) && seg_pipeline_init(&c->parked) &&
		    seg_reader_init(&c->reader);
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
	if (c->state != DOWN || c->parked.count > 0) {
		seg_fail(&c->error, SEG_ECLOSED, "the connection to %s was closed", where(c));
		went_down(c);
	}
	seg_dial_destroy(c->dial);
	seg_reader_fini(&c->reader);
	seg_pipeline_fini(&c->pipeline);
	seg_pipeline_fini(&c->parked);
	free(c->read_buffer);
	free(c);
}

/* --- going up and down --------------------------------------------------- */

/* Runs the callbacks of the commands that wait now with NULL; they may issue others. */
static void lose_commands(seg_pipeline *pipeline)
{
	seg_pipeline_clear(pipeline);
	for (size_t n = pipeline->count; n > 0; n--) {
		seg_waiting_command command = seg_pipeline_pop(pipeline);
		command.fn(command.arg, NULL);
	}
}

/* Runs the waiting callbacks with NULL, and plans the next attempt. c->error says why. */
static void went_down(seg_connection *c)
{
	int64_t now = seg_now(), lived = c->state == READY ? now - c->ready_at + 1 : 0;
	seg_transport_close(c->transport);
	c->transport = NULL;
	c->state = DOWN;
	c->break_wanted = c->is_no_master = false;
	bool warn = seg_reconnect_failed(&c->reconnect, c->error.status, lived, now);
	seg_dial_doubt(c->dial);
	c->in_callbacks = true;
	lose_commands(&c->pipeline);
	lose_commands(&c->parked);
	c->in_callbacks = false;
	c->break_wanted = false;
	if (c->error.status != SEG_ECLOSED)
		seg_log(&c->options.logger, warn ? SEG_LOG_WARNING : SEG_LOG_DEBUG, "%s; %s", c->error.text,
			seg_reconnect_is_long(&c->reconnect) ? "reconnecting until it answers"
							     : "reconnecting");
	if (c->options.on_state)
		c->options.on_state(c->options.arg, false, &c->error);
}

/* What waits for the next attempt has callbacks, too, which the owner wants to see the end of. */
static void lose_parked(seg_connection *c)
{
	c->in_callbacks = true;
	lose_commands(&c->parked);
	c->in_callbacks = false;
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
	if (c->state == DOWN && !c->in_callbacks)
		lose_parked(c);
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

static bool is_ready(const seg_connection *c)
{
	return c->state == READY && !c->break_wanted && !c->is_no_master;
}

/* Where a new command goes; NULL: nowhere. */
static seg_pipeline *pipeline_for(seg_connection *c)
{
	if (is_ready(c))
		return &c->pipeline;
	return c->options.early && c->error.status != SEG_ECLOSED ? &c->parked : NULL;
}

bool seg_connection_command(seg_connection *c, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
			    const size_t *lengths)
{
	return seg_connection_entries(c, NULL, fn, arg, argc, argv, lengths);
}

bool seg_connection_entries(seg_connection *c, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
			    const char *const *argv, const size_t *lengths)
{
	seg_pipeline *pipeline = pipeline_for(c);
	return pipeline && seg_pipeline_command(pipeline, sink, fn, arg, argc, argv, lengths);
}

enum { WORDS_MAX = 16 };

bool seg_connection_words(seg_connection *c, seg_reply_fn fn, void *arg, ...)
{
	const char *argv[WORDS_MAX];
	int argc = 0;
	va_list args;
	va_start(args, arg);
	for (const char *word; argc < WORDS_MAX && (word = va_arg(args, const char *));)
		argv[argc++] = word;
	va_end(args);
	return seg_connection_command(c, fn, arg, argc, argv, NULL);
}

bool seg_connection_script(seg_connection *c, seg_script script, seg_reply_fn fn, void *arg, int keys,
			   int argc, const char *const *argv, const size_t *lengths)
{
	seg_pipeline *pipeline = pipeline_for(c);
	if (!pipeline)
		return false;
	bool by_text = seg_preparation_takes_text(&c->preparation, script);
	return seg_pipeline_script(pipeline, script, by_text, fn, arg, keys, argc, argv, lengths);
}

void seg_connection_movable(seg_connection *c, bool movable)
{
	c->pipeline.keep = c->parked.keep = movable;
}

bool seg_connection_again(seg_connection *c, const seg_waiting_command *command, const char *bytes,
			  bool asking)
{
	seg_pipeline *pipeline = pipeline_for(c);
	return pipeline && seg_pipeline_again(pipeline, command, bytes, asking);
}

/* --- preparing a fresh connection ------------------------------------------ */

static void become_ready(seg_connection *c)
{
	c->state = READY;
	c->incarnation++;
	c->ready_at = seg_now();
	c->reconnect.refused_at = 0;
	c->error.status = 0;
	/* The password was in it. */
	seg_output_wipe(&c->pipeline.output);
	if (!seg_pipeline_join(&c->pipeline, &c->parked)) {
		seg_connection_break(c, SEG_ENOMEM, "out of memory for the commands that wait");
		return;
	}
	if (c->preparation.role_unknown && !c->role_warned)
		seg_log(&c->options.logger, SEG_LOG_WARNING,
			"the user has no permission for ROLE and INFO at %s, so a replica is noticed only when it "
			"refuses a command; grant +role",
			where(c));
	c->role_warned |= c->preparation.role_unknown;
	if (c->options.on_state)
		c->options.on_state(c->options.arg, true, NULL);
}

/* At the start and after each reply, until the connection is ready. */
static void check_preparation(seg_connection *c)
{
	switch (c->preparation.outcome) {
	case SEG_PREPARATION_DUE:
		break;
	case SEG_PREPARATION_FAILED:
		seg_connection_break(c, c->preparation.error.status, "%s", c->preparation.error.text);
		break;
	case SEG_PREPARATION_DONE:
		become_ready(c);
		break;
	}
}

static void start_preparing(seg_connection *c)
{
	c->transport = seg_dial_take(c->dial);
	c->preparation.where = where(c);
	c->state = PREPARING;
	c->heard_at = seg_now();
	c->progress = (seg_progress){0};
	c->pipeline.round_trip = 0;
	if (!seg_reader_restart(&c->reader) || !seg_preparation_start(&c->preparation))
		fail_now(c, SEG_ENOMEM, "out of memory");
	else
		check_preparation(c);
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

/* --- the duty cycle -------------------------------------------------------- */

/* Whether the command was issued again elsewhere. */
static bool take_error(seg_connection *c, const seg_reply *reply, const seg_waiting_command *command)
{
	const char *bytes = command->kept ? seg_output_bytes(&c->pipeline.kept) : NULL;
	if (strncmp(reply->text, "NOSCRIPT", 8) == 0)
		seg_preparation_reload_scripts(&c->preparation);
	return c->options.on_error && c->options.on_error(c->options.arg, reply, command, bytes);
}

/* Whether it is pushed to a subscriber, and so answers no command. */
static bool is_message(const seg_reply *reply)
{
	const seg_reply *kind = seg_reply_at(reply, 0);
	return kind && (seg_reply_is(kind, "message") || seg_reply_is(kind, "pmessage"));
}

static void answer(seg_connection *c, const seg_reply *reply)
{
	if (c->options.on_message && c->state == READY && is_message(reply)) {
		c->options.on_message(c->options.arg, reply);
		return;
	}
	if (c->pipeline.count == 0) {
		seg_connection_break(c, SEG_EPROTOCOL, "Redis at %s sent a reply to no command", where(c));
		return;
	}
	seg_pipeline_answered(&c->pipeline);
	seg_waiting_command command = seg_pipeline_pop(&c->pipeline);
	bool moved = reply->type == SEG_REPLY_ERROR && take_error(c, reply, &command);
	seg_pipeline_forget(&c->pipeline, &command);
	/* The answers that came with it tell what became of their commands. */
	if (c->state == READY && seg_reply_is_of_no_master(reply))
		c->is_no_master = true;
	if (!moved)
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
	if (c->is_no_master)
		seg_connection_break(c, SEG_ESERVER,
				     "Redis at %s has become a read-only replica; looking for the master",
				     where(c));
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
			c->error = *seg_transport_error(c->transport);
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
			seg_error why = *seg_transport_error(c->transport);
			fail_now(c, why.status, why.text);
			return;
		}
		seg_output_consume(output, (size_t)n);
		c->progress.written += (uint64_t)n;
	}
}

static bool waits(const seg_connection *c)
{
	return c->pipeline.count > 0 && c->options.answer_timeout > 0;
}

static int64_t waits_since(const seg_connection *c)
{
	return c->heard_at > c->pipeline.busy_since ? c->heard_at : c->pipeline.busy_since;
}

/*
 * When to break the connection because of an answer that is due; SEG_NEVER: no answer is due, or no timeout.
 */
static int64_t answer_by(const seg_connection *c)
{
	return waits(c) ? seg_progress_deadline(&c->progress, waits_since(c), c->options.answer_timeout)
			: SEG_NEVER;
}

static int64_t look_at(const seg_connection *c)
{
	return waits(c) ? seg_progress_look_at(&c->progress, waits_since(c), c->options.answer_timeout)
			: SEG_NEVER;
}

static void look_for_progress(seg_connection *c, int64_t now)
{
	if (now >= look_at(c))
		seg_progress_look(&c->progress, waits_since(c), now, seg_output_length(&c->pipeline.output),
				  seg_transport_unacknowledged(c->transport));
}

static void check_timeouts(seg_connection *c, int64_t now)
{
	if (c->state == READY)
		look_for_progress(c, now);
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

/* Whether there may be something to read although no poll says so. */
static bool has_pending(const seg_connection *c)
{
	return c->transport && seg_transport_pending(c->transport);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_timer(const seg_connection *c, int64_t now)
{
	bool idle = c->state == READY && c->pipeline.count == 0;
	int64_t look = c->options.master && !idle ? now + MASTER_INTERVAL : SEG_NEVER;
	if (has_pending(c))
		return now;
	switch (c->state) {
	case DOWN:
		return earlier(c->reconnect.at, look);
	case DIALING:
		return earlier(earlier(c->connect_by, look), seg_dial_timer(c->dial));
	case PREPARING:
		return earlier(c->connect_by, look);
	case READY:
		return earlier(earlier(answer_by(c), look_at(c)), look);
	}
	return SEG_NEVER;
}

/* Leaves a server that the Sentinels no longer call the master. */
static void follow_master(seg_connection *c, int64_t now)
{
	if (!seg_dial_is_stale(c->dial))
		return;
	if (c->state == DOWN)
		c->reconnect.at = now;
	else
		seg_connection_break(c, SEG_EUNREACHABLE,
				     "the Sentinels have named another master than %s; connecting to it",
				     where(c));
}

int64_t seg_connection_tick(seg_connection *c, int64_t now, bool readable)
{
	follow_master(c, now);
	if (c->state == DOWN && now >= c->reconnect.at)
		start_dialing(c, now);
	if (c->state == DIALING)
		go_on_dialing(c);
	if (c->state >= PREPARING) {
		seg_connection_flush(c);
		if (c->state >= PREPARING && (readable || has_pending(c)))
			read_some(c, now);
		/* Commands that callbacks issued are sent in the same round. */
		seg_connection_flush(c);
	}
	check_timeouts(c, now);
	return next_timer(c, now);
}

/* --- looking ----------------------------------------------------------------- */

bool seg_connection_ready(const seg_connection *c)
{
	return is_ready(c);
}

const seg_error *seg_connection_error(const seg_connection *c)
{
	return &c->error;
}

bool seg_connection_is_refused(const seg_connection *c)
{
	int status = c->state == DOWN ? c->error.status : 0;
	if (c->incarnation > 0 && status == SEG_EAUTH)
		return seg_connection_login_is_lost(c, seg_now());
	return status == SEG_EAUTH || status == SEG_EPROTOCOL || status == SEG_ENOTFOUND;
}

bool seg_connection_login_is_lost(const seg_connection *c, int64_t now)
{
	return seg_reconnect_login_is_lost(&c->reconnect, now);
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
	return c->pipeline.count + c->parked.count;
}

const seg_endpoint *seg_connection_endpoint(const seg_connection *c)
{
	return seg_dial_endpoint(c->dial);
}

const char *seg_connection_where(const seg_connection *c)
{
	return where(c);
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
	bool writing = seg_output_length(&c->pipeline.output) > 0;
	if (c->state == DIALING)
		return (struct pollfd){.fd = seg_dial_fd(c->dial), .events = seg_dial_events(c->dial)};
	if (!c->transport)
		return (struct pollfd){.fd = -1};
	return (struct pollfd){.fd = seg_transport_fd(c->transport),
			       .events = seg_transport_events(c->transport, writing)};
}
