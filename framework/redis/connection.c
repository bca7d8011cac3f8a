#include "redis/connection.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/names.h"
#include "redis/dial.h"
#include "redis/preparation.h"
#include "redis/reconnect.h"
#include "redis/traffic.h"

/* Between two looks whether the master is another one, while something is due. */
#define MASTER_INTERVAL (250 * SEG_MS)

/* So often a connection is read whose peer takes no more, 2 MiB each time. */
enum { LAST_READS = 8 };

typedef enum { DOWN, DIALING, PREPARING, READY } connection_state;

struct seg_connection {
	seg_connection_options options;
	char client_name[SEG_NAME_MAX + 1];
	connection_state state;
	seg_dial *dial;
	seg_traffic traffic; /* open while PREPARING and READY */
	seg_reconnect reconnect;
	uint64_t incarnation;
	int64_t ready_at;   /* READY: since when */
	int64_t connect_by; /* DIALING, PREPARING */
	seg_preparation preparation;
	seg_denials own_denials; /* if the owner gives none */
	bool role_warned;
	seg_error error;
};

static void went_down(seg_connection *c);
static bool take_error(void *arg, const seg_reply *reply, const seg_waiting_command *command,
		       const char *bytes);
static void take_message(void *arg, const seg_reply *message);
static void check_preparation(void *arg);

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
	c->preparation =
		(seg_preparation){.pipeline = &c->traffic.pipeline,
				  .address = options->address,
				  .is_sentinel = options->is_sentinel,
				  .check_role = may_be_replica && !options->is_sentinel,
				  .client_name = c->client_name,
				  .without_scripts = options->without_scripts,
				  /* A command may be moved to another node only if that has its script. */
				  .scripts_at_use = options->scripts_at_use && !options->early,
				  .on_slots = options->on_slots,
				  .arg = options->arg,
				  .login_only = options->login_only,
				  .denials = options->denials ? options->denials : &c->own_denials,
				  .logger = &c->options.logger};
	c->traffic = (seg_traffic){.answer_timeout = options->answer_timeout,
				   .on_error = take_error,
				   .on_message = options->on_message ? take_message : NULL,
				   .on_answer = check_preparation,
				   .arg = c};
	if (!seg_traffic_init(&c->traffic) || !c->dial) {
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
	if (c->state != DOWN || c->traffic.parked.count > 0) {
		seg_fail(&c->error, SEG_ECLOSED, "the connection to %s was closed", where(c));
		went_down(c);
	}
	seg_dial_destroy(c->dial);
	seg_traffic_fini(&c->traffic);
	free(c);
}

/* --- going up and down --------------------------------------------------- */

/* Runs the waiting callbacks with NULL, and plans the next attempt. c->error says why. */
static void went_down(seg_connection *c)
{
	int64_t now = seg_now(), lived = c->state == READY ? now - c->ready_at + 1 : 0;
	c->state = DOWN;
	bool warn = seg_reconnect_failed(&c->reconnect, c->error.status, lived, now);
	seg_dial_doubt(c->dial);
	seg_traffic_close(&c->traffic);
	if (c->error.status != SEG_ECLOSED)
		seg_log(&c->options.logger, warn ? SEG_LOG_WARNING : SEG_LOG_DEBUG, "%s; %s", c->error.text,
			seg_reconnect_is_long(&c->reconnect) ? "reconnecting until it answers"
							     : "reconnecting");
	if (c->options.on_state)
		c->options.on_state(c->options.arg, false, &c->error);
}

static void fail_now(seg_connection *c, int status, const char *text)
{
	seg_fail(&c->error, status, "%s", text);
	if (c->traffic.in_callbacks)
		c->traffic.break_wanted = true;
	else
		went_down(c);
}

void seg_connection_break(seg_connection *c, int status, const char *format, ...)
{
	/* What waits for the next attempt has callbacks, too, which the owner wants to see the end of. */
	if (c->state == DOWN && !c->traffic.in_callbacks)
		seg_traffic_lose_parked(&c->traffic);
	if (c->state == DOWN || c->traffic.break_wanted)
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
	return c->state == READY && !c->traffic.break_wanted && !c->traffic.is_no_master;
}

seg_pipeline *seg_connection_pipeline(seg_connection *c)
{
	if (is_ready(c))
		return &c->traffic.pipeline;
	return c->options.early && c->error.status != SEG_ECLOSED ? &c->traffic.parked : NULL;
}

bool seg_connection_takes_text(seg_connection *c, seg_script script)
{
	return seg_preparation_takes_text(&c->preparation, script);
}

void seg_connection_expect(seg_connection *c, seg_script script)
{
	if (is_ready(c))
		seg_preparation_expect(&c->preparation, script);
}

void seg_connection_follow(seg_connection *c, seg_follow follow)
{
	c->traffic.pipeline.follow = c->traffic.parked.follow = follow;
}

/* --- preparing a fresh connection ------------------------------------------ */

/* Of all connections, so that no two of them have the same, also where one comes to lie where another was. */
static atomic_ullong incarnations;

static void become_ready(seg_connection *c)
{
	c->state = READY;
	c->incarnation = 1 + atomic_fetch_add(&incarnations, 1);
	c->ready_at = seg_now();
	c->reconnect.refused_at = 0;
	c->error.status = 0;
	if (!seg_traffic_become_ready(&c->traffic)) {
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
static void check_preparation(void *arg)
{
	seg_connection *c = arg;
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
	c->preparation.where = where(c);
	c->state = PREPARING;
	if (!seg_traffic_open(&c->traffic, seg_dial_take(c->dial), where(c)) ||
	    !seg_preparation_start(&c->preparation))
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

/* Redis closes the connection after these errors. The close alone would not say why. */
static void note_last_words(seg_connection *c, const char *text)
{
	static const char clients[] = "ERR max number of clients", protocol[] = "ERR Protocol error";
	if (strncmp(text, clients, sizeof(clients) - 1) == 0)
		seg_connection_break(
			c, SEG_ESERVER,
			"Redis at %s takes no more connections (%.100s); raise its maxclients, or run fewer clients",
			where(c), text);
	else if (strncmp(text, protocol, sizeof(protocol) - 1) == 0 && strstr(text, "unauthenticated"))
		seg_connection_break(
			c, SEG_EAUTH,
			"Redis at %s requires a password; set password_file, or write the password into the address",
			where(c));
	else if (strncmp(text, protocol, sizeof(protocol) - 1) == 0)
		seg_connection_break(
			c, SEG_ESERVER,
			"Redis at %s refused a command (%.100s); if a message is large, raise proto-max-bulk-len of Redis",
			where(c), text);
}

/* Whether the command was issued again elsewhere. */
static bool take_error(void *arg, const seg_reply *reply, const seg_waiting_command *command,
		       const char *bytes)
{
	seg_connection *c = arg;
	if (strncmp(reply->text, "NOSCRIPT", 8) == 0)
		seg_preparation_reload_scripts(&c->preparation);
	note_last_words(c, reply->text);
	return c->options.on_error && c->options.on_error(c->options.arg, reply, command, bytes);
}

static void take_message(void *arg, const seg_reply *message)
{
	const seg_connection *c = arg;
	c->options.on_message(c->options.arg, message);
}

void seg_connection_flush(seg_connection *c)
{
	seg_error error;
	if (seg_traffic_flush(&c->traffic, &error))
		return;
	if (c->traffic.in_callbacks) {
		fail_now(c, error.status, error.text);
		return;
	}
	/* Redis may have answered before it closed: then it has said why. */
	c->error = error;
	for (int i = 0; i < LAST_READS && seg_traffic_read(&c->traffic, seg_now(), &c->error); i++)
		;
	went_down(c);
}

static void check_timeouts(seg_connection *c, int64_t now)
{
	if (c->state == DIALING && now >= c->connect_by) {
		seg_dial_give_up(c->dial, c->options.connect_timeout, &c->error);
		went_down(c);
	} else if (c->state == PREPARING && now >= c->connect_by) {
		seg_connection_break(c, SEG_EUNREACHABLE, "no answer from %s within %lld ms", where(c),
				     (long long)(c->options.connect_timeout / SEG_MS));
	} else if (c->state == READY && seg_traffic_is_late(&c->traffic, now)) {
		seg_connection_break(c, SEG_EUNREACHABLE, "%s at %s did not answer for %lld ms",
				     c->options.is_sentinel ? "the Sentinel" : "Redis", where(c),
				     (long long)(c->options.answer_timeout / SEG_MS));
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_timer(const seg_connection *c, int64_t now)
{
	bool idle = c->state == READY && c->traffic.pipeline.count == 0;
	int64_t look = c->options.master && !idle ? now + MASTER_INTERVAL : SEG_NEVER;
	if (seg_traffic_pending(&c->traffic))
		return now;
	switch (c->state) {
	case DOWN:
		return earlier(c->reconnect.at, look);
	case DIALING:
		return earlier(earlier(c->connect_by, look), seg_dial_timer(c->dial));
	case PREPARING:
		return earlier(c->connect_by, look);
	case READY:
		return earlier(seg_traffic_timer(&c->traffic), look);
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
		if (c->state >= PREPARING && (readable || seg_traffic_pending(&c->traffic)) &&
		    !seg_traffic_read(&c->traffic, now, &c->error))
			went_down(c);
		/* Commands that callbacks issued are sent in the same round. */
		seg_connection_flush(c);
	}
	check_timeouts(c, now);
	return next_timer(c, now);
}

int64_t seg_connection_write(seg_connection *c, int64_t now)
{
	seg_error left_to_tick;
	bool written = is_ready(c) && seg_traffic_flush(&c->traffic, &left_to_tick);
	return written && seg_traffic_unsent(&c->traffic) == 0 ? next_timer(c, now) : now;
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
	/* The server has spoken Redis's protocol before: a reply was damaged on its way. */
	if (c->incarnation > 0 && status == SEG_EPROTOCOL)
		return false;
	/* Another server of the address's list may accept what this one refuses. */
	if (!c->options.endpoint && !c->options.master &&
	    c->reconnect.failures < c->options.address->endpoint_count)
		return false;
	return status == SEG_EAUTH || status == SEG_EPROTOCOL || status == SEG_ENOTFOUND ||
	       status == SEG_EINVAL;
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

bool seg_connection_is_answering(const seg_connection *c)
{
	return c->traffic.in_callbacks;
}

bool seg_connection_lost_unwritten(const seg_connection *c)
{
	return c->traffic.losing_parked;
}

void seg_connection_lose_unwritten(seg_connection *c)
{
	if (!c->traffic.in_callbacks)
		seg_traffic_lose_parked(&c->traffic);
}

size_t seg_connection_waiting(const seg_connection *c)
{
	return c->traffic.pipeline.count + c->traffic.parked.count;
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
	return c->traffic.pipeline.round_trip;
}

size_t seg_connection_unsent(const seg_connection *c)
{
	return seg_traffic_unsent(&c->traffic);
}

struct pollfd seg_connection_polled(const seg_connection *c)
{
	if (c->state == DIALING)
		return (struct pollfd){.fd = seg_dial_fd(c->dial), .events = seg_dial_events(c->dial)};
	return seg_traffic_polled(&c->traffic);
}
