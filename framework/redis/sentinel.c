#include "redis/sentinel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/error.h"
#include "base/random.h"
#include "base/thread.h"

/* A Sentinel answers from memory: one that takes longer is skipped, if there is another. */
#define ANSWER_TIMEOUT SEG_SECOND

/*
 * How long a Sentinel that named a server in doubt is believed: a failover that is under way, it announces at its end.
 */
#define DOUBT_INTERVAL (6 * SEG_SECOND)

/* A Sentinel that has vanished is noticed after this and ANSWER_TIMEOUT. */
#define PING_INTERVAL (5 * SEG_SECOND)

struct seg_sentinel {
	seg_address address; /* of the Sentinels, with their login */
	seg_master *master;
	seg_logger logger;
	pthread_t thread;
	int stop_fd; /* an eventfd; readable: the thread ends */

	/* The thread's: */
	seg_connection *connection;
	int64_t asked_at; /* seg_now() */
	int64_t ping_at;
	unsigned failures; /* Sentinels in a row that did not say where it is */
	bool told;         /* the log has it that no Sentinel says where it is */
	bool deaf;         /* the log has it that SUBSCRIBE is refused */
	seg_error worst;   /* of the failures; status 0: none */
};

/* --- what the Sentinels say -------------------------------------------------------- */

/* What an operator must mend comes before what may pass. */
static int gravity(int status)
{
	bool by_hand = status == SEG_ENOTFOUND || status == SEG_EPROTOCOL;
	return status == SEG_EAUTH ? 3 : by_hand ? 2 : status != SEG_OK;
}

static void give_in(seg_sentinel *s)
{
	bool passes = gravity(s->worst.status) < 2;
	seg_error why = s->worst;
	if (passes)
		seg_fail(&why, SEG_EUNREACHABLE,
			 "none of the %u Sentinels says where the master \"%s\" is: %.300s",
			 s->address.endpoint_count, s->address.master, s->worst.text);
	seg_master_missing(s->master, &why);
	if (!s->told)
		seg_log(&s->logger, SEG_LOG_WARNING, "%s", why.text);
	s->told = true;
	s->failures = 0;
	s->worst.status = 0;
}

static void note_failure(seg_sentinel *s, const seg_error *why)
{
	if (gravity(why->status) >= gravity(s->worst.status))
		s->worst = *why;
	if (++s->failures >= s->address.endpoint_count)
		give_in(s);
}

static void note_master(seg_sentinel *s, const char *host, const char *port)
{
	long number = strtol(port, NULL, 10);
	if (!*host || strlen(host) > 255 || number < 1 || number > 65535)
		return;
	s->failures = 0;
	s->worst.status = 0;
	bool known = seg_master_generation(s->master) > 0;
	if (seg_master_found(s->master, host, (uint16_t)number) && known)
		seg_log(&s->logger, SEG_LOG_INFO, "the Sentinels say that the master \"%s\" is now %s:%ld",
			s->address.master, host, number);
	s->told = false;
}

/* --- the conversation ----------------------------------------------------------------- */

static void refuse_answer(seg_sentinel *s, const seg_reply *reply)
{
	const char *where = s->address.text;
	if (reply->type == SEG_REPLY_NIL)
		seg_connection_break(
			s->connection, SEG_ENOTFOUND,
			"the Sentinels of %s know no master \"%s\"; check the name in the address", where,
			s->address.master);
	else if (reply->type == SEG_REPLY_ERROR && strncmp(reply->text, "ERR unknown command", 19) == 0)
		seg_connection_break(
			s->connection, SEG_EPROTOCOL,
			"a server of %s is no Sentinel; give the Sentinels' ports, by default 26379", where);
	else if (reply->type == SEG_REPLY_ERROR)
		seg_connection_break(s->connection, seg_reply_status(reply),
				     "a Sentinel of %s refuses to name the master: %.200s", where,
				     reply->text);
	else
		seg_connection_break(s->connection, SEG_EPROTOCOL,
				     "a Sentinel of %s gave no address for the master", where);
}

static void got_address(void *arg, const seg_reply *reply)
{
	seg_sentinel *s = arg;
	const seg_reply *host = seg_reply_at(reply, 0), *port = seg_reply_at(reply, 1);
	if (host && port && host->type == SEG_REPLY_TEXT && port->type == SEG_REPLY_TEXT)
		note_master(s, host->text, port->text);
	else if (reply)
		refuse_answer(s, reply);
}

static void got_subscribed(void *arg, const seg_reply *reply)
{
	seg_sentinel *s = arg;
	if (!reply || reply->type != SEG_REPLY_ERROR || s->deaf)
		return;
	s->deaf = true;
	seg_log(&s->logger, SEG_LOG_WARNING,
		"a Sentinel of %s refuses SUBSCRIBE, so a failover is noticed later: %.200s", s->address.text,
		reply->text);
}

static void got_nothing_needed(void *arg, const seg_reply *reply)
{
	(void)arg;
	(void)reply;
}

/* The payload is "NAME OLD-HOST OLD-PORT HOST PORT". */
static void on_message(void *arg, const seg_reply *message)
{
	seg_sentinel *s = arg;
	const seg_reply *payload = seg_reply_at(message, 2);
	char name[130], host[260], port[8];
	if (payload && payload->type == SEG_REPLY_TEXT &&
	    sscanf(payload->text, "%129s %*s %*s %259s %7s", name, host, port) == 3 &&
	    strcmp(name, s->address.master) == 0)
		note_master(s, host, port);
}

static void on_state(void *arg, bool up, const seg_error *why)
{
	seg_sentinel *s = arg;
	if (!up) {
		/* SEG_ECLOSED: by this side. */
		if (why->status != SEG_ECLOSED)
			note_failure(s, why);
		return;
	}
	s->asked_at = seg_now();
	s->ping_at = s->asked_at + PING_INTERVAL;
	seg_connection_words(s->connection, got_address, s, "SENTINEL", "GET-MASTER-ADDR-BY-NAME",
			     s->address.master, (char *)NULL);
	/* Subscribed, a connection takes no question: another one needs another connection. */
	seg_connection_words(s->connection, got_subscribed, s, "SUBSCRIBE", "+switch-master", (char *)NULL);
}

/* --- the thread ------------------------------------------------------------------------ */

/* Asks the next Sentinel if the answer of this one is in doubt. Returns when to look again. */
static int64_t see_to_doubt(seg_sentinel *s, int64_t now)
{
	int64_t next = s->asked_at + DOUBT_INTERVAL;
	if (now < next)
		return next;
	if (seg_master_take_doubt(s->master) && seg_connection_ready(s->connection))
		seg_connection_break(s->connection, SEG_ECLOSED, "the master is in doubt");
	return SEG_NEVER;
}

static void keep_alive(seg_sentinel *s, int64_t now)
{
	if (now < s->ping_at || !seg_connection_ready(s->connection))
		return;
	s->ping_at = now + PING_INTERVAL;
	seg_connection_words(s->connection, got_nothing_needed, s, "PING", (char *)NULL);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void *run(void *arg)
{
	seg_sentinel *s = arg;
	bool readable = false;
	for (;;) {
		int64_t now = seg_now(), look = see_to_doubt(s, now);
		keep_alive(s, now);
		int64_t timer = earlier(seg_connection_tick(s->connection, now, readable), look);
		if (seg_connection_ready(s->connection))
			timer = earlier(timer, s->ping_at);
		struct pollfd polled[] = {{.fd = s->stop_fd, .events = POLLIN},
					  {.fd = look == SEG_NEVER ? seg_master_doubt_fd(s->master) : -1,
					   .events = POLLIN},
					  seg_connection_polled(s->connection)};
		int found = poll(polled, 3, seg_poll_timeout(timer, seg_now()));
		if (found > 0 && polled[0].revents)
			return NULL;
		readable = found > 0 && polled[2].revents;
	}
}

/* --- making -------------------------------------------------------------------------------- */

static void destroy(seg_sentinel *s)
{
	seg_connection_destroy(s->connection);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	seg_address_fini(&s->address);
	free(s);
}

/* So that not all clients ask the first one, and a new client does not wait for one that another found dead. */
static void turn_endpoints(seg_address *address)
{
	for (uint32_t turns = (uint32_t)(seg_random() % address->endpoint_count); turns > 0; turns--) {
		seg_endpoint first = address->endpoints[0];
		size_t others = address->endpoint_count - 1;
		memmove(address->endpoints, address->endpoints + 1, others * sizeof(first));
		address->endpoints[others] = first;
	}
}

static int prepare(seg_sentinel *s, const seg_sentinel_options *options, seg_error *error)
{
	if (seg_address_copy(&s->address, options->address))
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	if (options->user && !options->password_file)
		return seg_fail(error, SEG_EINVAL,
				"sentinel_user is set without sentinel_password_file; set both");
	int status = seg_address_set_login(&s->address, options->user, NULL, options->password_file, error);
	if (status)
		return status;
	turn_endpoints(&s->address);
	bool alone = s->address.endpoint_count == 1 || options->connect_timeout < ANSWER_TIMEOUT;
	const seg_connection_options connection = {
		.address = &s->address,
		.is_sentinel = true,
		.connect_timeout = alone ? options->connect_timeout : ANSWER_TIMEOUT,
		.answer_timeout = alone ? options->connect_timeout : ANSWER_TIMEOUT,
		.logger = seg_logger_make(NULL, NULL),
		.on_state = on_state,
		.on_message = on_message,
		.arg = s,
	};
	s->connection = seg_connection_create(&connection);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!s->connection)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	return s->stop_fd >= 0 ? 0
			       : seg_fail(error, SEG_ESYSTEM, "no eventfd for the Sentinels: %s%s",
					  strerror(errno), seg_descriptors_advice(errno));
}

int seg_sentinel_start(const seg_sentinel_options *options, seg_sentinel **sentinel, seg_error *error)
{
	seg_sentinel *s = calloc(1, sizeof(*s));
	if (!s)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	s->stop_fd = -1;
	s->master = options->master;
	s->logger = options->logger;
	int status = prepare(s, options, error), failure = 0;
	if (status == 0 && (failure = seg_thread_start(&s->thread, "seg-sentinel", run, s)))
		status = seg_fail(error, SEG_ESYSTEM, "cannot start a thread for the Sentinels: %s%s",
				  strerror(failure), seg_thread_limit_advice(failure));
	if (status)
		destroy(s);
	else
		*sentinel = s;
	return status;
}

void seg_sentinel_stop(seg_sentinel *s)
{
	if (!s)
		return;
	(void)eventfd_write(s->stop_fd, 1);
	pthread_join(s->thread, NULL);
	destroy(s);
}
