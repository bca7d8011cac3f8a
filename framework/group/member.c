#include "group/member.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "group/claim.h"
#include "group/commit.h"
#include "group/coordinate.h"
#include "group/fetch.h"
#include "group/gap.h"
#include "redis/server_check.h"

/* --- one partition's next step -------------------------------------------------- */

static void start_worker(seg_member *m, seg_partition *p, int64_t now)
{
	if (now < p->claim_at)
		return;
	p->running = true;
	if (m->options.hooks.start(m->options.hooks.arg, p)) {
		p->running = false;
		p->claim_at = now + seg_backoff(100 * SEG_MS, 5 * SEG_SECOND, ++p->claim_failures);
		return;
	}
	p->claim_failures = 0;
	seg_ownership_worker_started(&p->own);
}

static void demand(seg_member *m, seg_partition *p, seg_demand what)
{
	seg_ownership_demanded(&p->own);
	seg_handoff_demand(&p->handoff, what);
	if (what == SEG_DEMAND_ABANDON)
		seg_commit_forget(p);
	if (m->options.hooks.demand)
		m->options.hooks.demand(m->options.hooks.arg, p, what);
}

/* What the worker did last is in the books before they are closed. */
static void finish_worker(seg_member *m, seg_partition *p)
{
	if (!p->running || !atomic_load_explicit(&p->handoff.worker.stopped, memory_order_acquire))
		return;
	seg_partition_collect(p);
	m->options.hooks.finish(m->options.hooks.arg, p);
	seg_partition_end(p);
	seg_fetch_forget(p);
	p->request.kind = SEG_REQUEST_NONE;
	seg_ownership_worker_stopped(&p->own);
	p->commit_at = 0;
	p->unsettled = true;
}

static void settle(seg_member *m, seg_partition *p)
{
	if (!p->unsettled || p->own.state == SEG_OWN_RELEASING)
		return;
	p->unsettled = false;
	if (m->options.hooks.settled)
		m->options.hooks.settled(m->options.hooks.arg, p);
}

void seg_member_step(seg_member *m, seg_partition *p, int64_t now)
{
	finish_worker(m, p);
	settle(m, p);
	switch (seg_ownership_next(&p->own)) {
	case SEG_DO_NOTHING:
		break;
	case SEG_DO_CLAIM:
		seg_claim_send(p, now);
		break;
	case SEG_DO_START_WORKER:
		/* A read of the ownership before may be under way still: its target must come back first. */
		if (p->reading == SEG_READING_NOT)
			start_worker(m, p, now);
		break;
	case SEG_DO_DRAIN_WORKER:
		demand(m, p, SEG_DEMAND_DRAIN);
		break;
	case SEG_DO_ABANDON_WORKER:
		demand(m, p, SEG_DEMAND_ABANDON);
		break;
	case SEG_DO_RELEASE:
		if (seg_commit_release(p))
			seg_ownership_release_sent(&p->own);
		break;
	case SEG_DO_REPORT:
		seg_coordinate_hurry(m);
		break;
	}
}

void seg_member_activate(seg_member *m, seg_partition *p)
{
	if (p->active)
		return;
	p->active = true;
	m->active[m->active_count++] = p;
}

void seg_member_lost(seg_member *m, seg_partition *p, const char *why)
{
	if (p->own.state == SEG_OWN_LOST || p->own.state == SEG_OWN_NONE)
		return;
	bool handling = p->running;
	seg_ownership_lost(&p->own);
	if (handling)
		seg_log(&p->logger, SEG_LOG_WARNING, "lost: %s; what was not committed will be handled again",
			why);
	/* The coordinator may not know of it: were it to say only what is new, the partition would be nobody's for good. */
	m->generation = 0;
	seg_coordinate_hurry(m);
}

void seg_member_fail(seg_member *m, const seg_error *error)
{
	if (m->fatal)
		return;
	m->fatal = true;
	seg_log(&m->logger, SEG_LOG_ERROR, "%s", error->text);
	for (uint32_t i = 0; i < m->active_count; i++)
		seg_ownership_lost(&m->active[i]->own);
	m->phase = SEG_PHASE_GONE;
	if (m->options.hooks.fatal)
		m->options.hooks.fatal(m->options.hooks.arg, error);
}

/* --- the same Redis as before? ----------------------------------------------------- */

/*
 * A server with another run id and another replication id may have another history than the one we read from: it lost its
 * newest writes (a failover, a restart without AOF). Ids may have been given out again then, so nothing that was fetched
 * may be used; every position is read again.
 */
static void doubt_everything(seg_member *m)
{
	seg_log(&m->logger, SEG_LOG_WARNING,
		"Redis was restarted or replaced; reading all positions again from it");
	for (uint32_t i = 0; i < m->active_count; i++)
		seg_ownership_lost(&m->active[i]->own);
	for (uint32_t n = 0; n < m->partition_count; n++)
		m->partitions[n].group_open = false;
	m->to_open = m->partition_count;
	m->open_at = 0;
	m->generation = 0;
	m->history_doubted = true;
	seg_coordinate_hurry(m);
}

static void got_history(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	seg_server_facts facts;
	seg_error error;
	if (!reply)
		return; /* asked again when it is back */
	int status = seg_server_check_reply(reply, true, m->stream->client->address.text, &facts, &error);
	if (status) {
		seg_connection_break(m->data, status, "%s", error.text);
		return;
	}
	/* INFO may be forbidden: then every reconnect may hide another history. */
	bool same = facts.run_id[0] && strcmp(facts.run_id, m->run_id) == 0 &&
		    strcmp(facts.replication_id, m->replication_id) == 0;
	memcpy(m->run_id, facts.run_id, sizeof(m->run_id));
	memcpy(m->replication_id, facts.replication_id, sizeof(m->replication_id));
	m->history_wanted = false;
	if (m->history_known && !same)
		doubt_everything(m);
	m->history_known = true;
}

static void ask_history(seg_member *m)
{
	m->history_wanted = true;
	if (!seg_connection_words(m->data, got_history, m, "INFO", (char *)NULL))
		seg_connection_break(m->data, SEG_ENOMEM, "out of memory");
}

bool seg_member_may_write(const seg_member *m)
{
	return seg_connection_ready(m->data) && !m->history_wanted;
}

static void data_state(void *arg, bool up, const seg_error *why)
{
	seg_member *m = arg;
	(void)why;
	if (!up) {
		m->history_wanted = true;
		return;
	}
	ask_history(m);
	m->heartbeat_failures = 0;
	m->open_tries = 0;
	seg_coordinate_hurry(m);
}

/* A master that becomes a replica cuts off those who block in it, and nobody else: then ask who it is now. */
static void wait_state(void *arg, bool up, const seg_error *why)
{
	seg_member *m = arg;
	(void)why;
	if (up && seg_member_may_write(m))
		ask_history(m);
}

/* --- stopping ------------------------------------------------------------------------ */

static bool all_done(const seg_member *m)
{
	for (uint32_t i = 0; i < m->active_count; i++) {
		const seg_partition *p = m->active[i];
		if (p->running || (p->own.state != SEG_OWN_NONE && p->own.state != SEG_OWN_RELEASED))
			return false;
	}
	return true;
}

static bool any_runs(const seg_member *m)
{
	for (uint32_t i = 0; i < m->active_count; i++)
		if (m->active[i]->running)
			return true;
	return false;
}

/* Of a stop at once, when no worker is left. */
static bool patience_is_over(seg_member *m)
{
	int64_t now = seg_now();
	if (m->stop_by == 0)
		m->stop_by = now + SEG_STOP_PATIENCE;
	return now >= m->stop_by;
}

/* Whether the thread may end. */
static bool step_stop(seg_member *m)
{
	int stop = atomic_load_explicit(&m->stop, memory_order_acquire);
	if (m->phase == SEG_PHASE_GONE)
		return !any_runs(m) && (m->fatal || stop != SEG_STOP_NOT);
	if (stop == SEG_STOP_NOT)
		return false;
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_ownership *own = &m->active[i]->own;
		if (stop == SEG_STOP_NOW && own->state != SEG_OWN_RELEASING && own->state != SEG_OWN_RELEASED)
			seg_ownership_lost(own);
		else
			seg_ownership_revoked(own);
	}
	if (stop == SEG_STOP_NOW && !any_runs(m) && patience_is_over(m))
		return true;
	if (!m->draining) {
		m->draining = true;
		seg_coordinate_hurry(m); /* capacity 0: partitions go to others as they are released */
	}
	bool member = m->phase == SEG_PHASE_MEMBER || m->phase == SEG_PHASE_JOINING;
	if (!member)
		return m->phase != SEG_PHASE_LEAVING && !any_runs(m);
	/* At once, what was lost is not released one by one: leaving gives up all. */
	if ((stop == SEG_STOP_NOW ? !any_runs(m) : all_done(m)) && seg_connection_ready(m->data))
		seg_coordinate_leave(m);
	return false;
}

/* --- the duty cycle --------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void drop_inactive(seg_member *m)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_partition *p = m->active[i];
		p->active = p->own.state != SEG_OWN_NONE || p->running || p->reading != SEG_READING_NOT;
		if (p->active)
			m->active[kept++] = p;
	}
	m->active_count = kept;
}

static void report(seg_member *m, int64_t now)
{
	if (!atomic_load_explicit(&m->report, memory_order_relaxed) || !atomic_exchange(&m->report, false))
		return;
	for (uint32_t i = 0; i < m->active_count; i++)
		if (m->active[i]->own.state != SEG_OWN_NONE && m->options.hooks.report)
			m->options.hooks.report(m->options.hooks.arg, m->active[i], now);
}

static int64_t do_work(seg_member *m, bool data_readable, bool wait_readable)
{
	int64_t now = seg_now();
	int64_t next = SEG_NEVER;
	seg_connection_tick(m->data, now, data_readable);
	seg_connection_tick(m->wait, now, wait_readable);
	if (m->to_open > 0)
		seg_claim_open_groups(m);
	drop_inactive(m);
	report(m, now);
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_partition *p = m->active[i];
		next = earlier(next, seg_commit_step(p, now));
		next = earlier(next, seg_gap_step(p, now));
		if (p->running && m->options.hooks.check)
			next = earlier(next, m->options.hooks.check(m->options.hooks.arg, p, now));
		seg_member_step(m, p, now);
		if (p->own.state == SEG_OWN_ACQUIRED || p->own.state == SEG_OWN_RELEASING ||
		    (p->own.state == SEG_OWN_ACTIVE && !p->running))
			next = earlier(next, now + 20 * SEG_MS);
	}
	next = earlier(next, seg_coordinate_step(m, now));
	next = earlier(next, seg_fetch_step(m, now));
	if (m->to_open > 0)
		next = earlier(next, now + 50 * SEG_MS);
	if (now < m->stop_by)
		next = earlier(next, m->stop_by);
	/* What was issued leaves, and the timers are those it set: a write may fail, an answer is due. */
	next = earlier(next, seg_connection_tick(m->data, now, false));
	return earlier(next, seg_connection_tick(m->wait, now, false));
}

static struct pollfd interest(const seg_connection *connection)
{
	int fd = seg_connection_fd(connection);
	uint32_t events = fd >= 0 ? seg_connection_events(connection) : 0;
	return (struct pollfd){
		.fd = fd,
		.events = (short)((events & EPOLLIN ? POLLIN : 0) | (events & EPOLLOUT ? POLLOUT : 0)),
	};
}

/* Something a thread may have said between do_work and the sleep. */
static bool missed_something(seg_member *m)
{
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_partition *p = m->active[i];
		seg_request request;
		if (!p->running)
			continue;
		if (atomic_load_explicit(&p->handoff.worker.stopped, memory_order_acquire) ||
		    (p->request.kind == SEG_REQUEST_NONE && seg_handoff_pending(&p->handoff, &request)) ||
		    (seg_ownership_fetches(&p->own) &&
		     atomic_load_explicit(&p->handoff.io.starved, memory_order_relaxed) &&
		     ck_ring_size(&p->handoff.free) > 0))
			return true;
	}
	/* The round may have brought the last answer, for which nothing more will come. */
	int stop = atomic_load_explicit(&m->stop, memory_order_acquire);
	return (stop != SEG_STOP_NOT && !m->draining) || atomic_load(&m->report) ||
	       (stop == SEG_STOP_NOW && m->stop_by == 0 && !any_runs(m)) ||
	       (m->phase == SEG_PHASE_GONE && !any_runs(m));
}

static void sleep_until(seg_member *m, struct pollfd poller[3], int64_t next)
{
	if (m->options.idle != SEG_IDLE_PARK) {
		if (m->options.idle == SEG_IDLE_YIELD)
			sched_yield();
		poll(poller, 3, 0);
		return;
	}
	atomic_store_explicit(&m->waker.asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	int64_t pause = missed_something(m) ? 0 : next == SEG_NEVER ? SEG_SECOND : next - seg_now();
	if (pause < 0)
		pause = 0;
	struct timespec timeout = {.tv_sec = pause / SEG_SECOND, .tv_nsec = pause % SEG_SECOND};
	ppoll(poller, 3, &timeout, NULL);
	atomic_store_explicit(&m->waker.asleep, 0, memory_order_relaxed);
}

static void *run(void *arg)
{
	seg_member *m = arg;
	bool data_readable = false, wait_readable = false;
	while (!step_stop(m)) {
		int64_t next = do_work(m, data_readable, wait_readable);
		atomic_fetch_add_explicit(&m->rounds, 1, memory_order_relaxed);
		struct pollfd poller[3] = {
			interest(m->data),
			interest(m->wait),
			{.fd = m->waker.fd, .events = POLLIN},
		};
		poller[0].revents = poller[1].revents = poller[2].revents = 0;
		sleep_until(m, poller, next);
		data_readable = poller[0].revents != 0;
		wait_readable = poller[1].revents != 0;
		if (poller[2].revents)
			seg_waker_drain(&m->waker);
	}
	return NULL;
}

/* --- opening and closing -------------------------------------------------------------------- */

void seg_member_default_name(char name[SEG_NAME_MAX + 1])
{
	char host[65] = "", bits[9];
	gethostname(host, sizeof(host) - 1);
	for (char *c = host; *c; c++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", *c))
			*c = '-';
	seg_random_hex(bits, 4);
	snprintf(name, SEG_NAME_MAX + 1, "%s-%ld-%s", host[0] ? host : "host", (long)getpid(), bits);
}

static void write_start(seg_member *m)
{
	seg_id id = m->options.start.id;
	switch (m->options.start.kind) {
	case SEG_START_EARLIEST:
		strcpy(m->start_text, "0");
		break;
	case SEG_START_LATEST:
		strcpy(m->start_text, "$");
		break;
	case SEG_START_AFTER_ID:
		seg_id_format(id, m->start_text);
		break;
	case SEG_START_TIME:
		/* The last id there can be before that millisecond. */
		seg_id_format(id.ms ? (seg_id){id.ms - 1, UINT64_MAX} : (seg_id){0, 0}, m->start_text);
		break;
	}
}

static char *stream_key(const seg_member *m, const char *a, const char *b)
{
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, m->stream->client->name_space, m->stream->name, a, b);
	return strdup(key);
}

static seg_connection *make_connection(seg_member *m, const char *what, int64_t answer_timeout,
				       seg_connection_state_fn on_state)
{
	char name[SEG_NAME_MAX + 1];
	snprintf(name, sizeof(name), "%.100s.%s", m->name, what);
	const seg_client *client = m->stream->client;
	seg_connection_options options = {
		.address = &client->address,
		.client_name = name,
		.connect_timeout = client->connect_timeout,
		.answer_timeout = answer_timeout,
		.logger = m->logger,
		.on_state = on_state,
		.arg = m,
	};
	return seg_connection_create(&options);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

static int make_parts(seg_member *m)
{
	m->members_key = stream_key(m, m->group, "members");
	m->leases_key = stream_key(m, m->group, "leases");
	m->partitions_key = stream_key(m, m->group, "partitions");
	m->control_key = stream_key(m, m->group, "control");
	m->groups_key = stream_key(m, "groups", NULL);
	uint32_t count = m->stream->shape.partitions;
	m->partitions = aligned_alloc(64, sizeof(*m->partitions) * count);
	m->reporting = calloc(count, sizeof(*m->reporting));
	m->active = calloc(count, sizeof(*m->active));
	if (!m->members_key || !m->leases_key || !m->partitions_key || !m->control_key || !m->groups_key ||
	    !m->partitions || !m->reporting || !m->active)
		return SEG_ENOMEM;
	for (; m->partition_count < count; m->partition_count++)
		if (seg_partition_init(&m->partitions[m->partition_count], m, m->partition_count))
			return SEG_ENOMEM;
	m->to_open = count;
	m->data = make_connection(m, "data",
				  clamp(m->options.session_timeout / 3, SEG_SECOND / 5, 5 * SEG_SECOND),
				  data_state);
	m->wait = make_connection(m, "wait", SEG_FETCH_BLOCK + 2 * SEG_SECOND, wait_state);
	return m->data && m->wait ? seg_fetch_init(m) : SEG_ENOMEM;
}

/* Signals are the host's business: none is delivered to this thread. */
static int start_thread(seg_member *m)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&m->thread, NULL, run, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure == 0)
		pthread_setname_np(m->thread, "seg-io");
	return failure;
}

int seg_member_open(seg_stream *stream, const seg_member_options *options, seg_member **member,
		    seg_error *error)
{
	seg_member *m = aligned_alloc(64, (sizeof(*m) + 63) / 64 * 64);
	if (!m)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	memset(m, 0, sizeof(*m));
	m->stream = stream;
	m->options = *options;
	snprintf(m->group, sizeof(m->group), "%s", options->group);
	snprintf(m->name, sizeof(m->name), "%s", options->name);
	seg_random_hex(m->incarnation, (sizeof(m->incarnation) - 1) / 2);
	m->logger = stream->logger;
	m->logger.group = m->group;
	atomic_init(&m->lease_until, 0);
	write_start(m);
	int status = seg_waker_init(&m->waker);
	if (status)
		seg_fail(error, status, "no eventfd: %s", strerror(errno));
	if (status == 0 && (status = make_parts(m)))
		seg_fail(error, status, "out of memory");
	int failure = 0;
	if (status == 0 && (failure = start_thread(m)))
		status = seg_fail(error, SEG_ESYSTEM, "cannot start a thread: %s", strerror(failure));
	if (status)
		seg_member_destroy(m);
	else
		*member = m;
	return status;
}

void seg_member_stop(seg_member *m, seg_stopping stop)
{
	int before = atomic_load(&m->stop);
	while (before < (int)stop && !atomic_compare_exchange_weak(&m->stop, &before, (int)stop))
		;
	seg_waker_kick(&m->waker);
}

void seg_member_nudge(seg_member *m)
{
	seg_waker_kick(&m->waker);
}

void seg_member_report(seg_member *m)
{
	atomic_store(&m->report, true);
	seg_waker_kick(&m->waker);
}

int seg_member_join(seg_member *m, int64_t timeout)
{
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	int64_t end = (int64_t)deadline.tv_sec * SEG_SECOND + deadline.tv_nsec + timeout;
	deadline = (struct timespec){.tv_sec = end / SEG_SECOND, .tv_nsec = end % SEG_SECOND};
	return pthread_timedjoin_np(m->thread, NULL, &deadline) ? SEG_ETIMEOUT : 0;
}

void seg_member_destroy(seg_member *m)
{
	if (!m)
		return;
	seg_connection_destroy(m->data);
	seg_connection_destroy(m->wait);
	for (uint32_t n = 0; n < m->partition_count; n++)
		seg_partition_fini(&m->partitions[n]);
	seg_fetch_fini(m);
	seg_waker_fini(&m->waker);
	free(m->partitions);
	free(m->reporting);
	free(m->active);
	free(m->members_key);
	free(m->leases_key);
	free(m->partitions_key);
	free(m->control_key);
	free(m->groups_key);
	free(m);
}
