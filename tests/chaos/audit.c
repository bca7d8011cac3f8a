#include "chaos/audit.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "redis/script.h"

enum { LOOK_MS = 20, RETRY_MS = 10, SERVERS_MAX = 64, NO_SCRIPT = -1 };

static const seg_script scripts[] = {SEG_SCRIPT_CLAIM, SEG_SCRIPT_COMMIT, SEG_SCRIPT_DEAD_LETTER};

/* A server that is listened to. The lock guards the path and the flags; the rest is the listening thread's. */
typedef struct {
	char path[108]; /* "": none */
	bool moved, listens;
	long long client_id;
	redisContext *context;
	int64_t retry_at;
	chaos_audit_parser parser;
} source;

struct chaos_audit_listener {
	pthread_t thread;
	pthread_mutex_t lock; /* guards the next four, and what `source` says */
	bool stopping;
	source sources[SERVERS_MAX];
	size_t count;
	CHAOS_LIST(chaos_audit) changes; /* of what Redis has, at the moment when a source moves */
	bool several;                    /* constant: there may be several servers */
	int64_t ahead;                   /* constant: the wall clock's time minus seg_now() */
	CHAOS_LIST(chaos_audit) events;  /* only the listening thread uses it */
};

/* --- connecting ------------------------------------------------------------------------- */

static void note_state(chaos_audit_listener *l, source *s, bool listens, long long client_id)
{
	pthread_mutex_lock(&l->lock);
	s->listens = listens && !s->moved;
	s->client_id = client_id;
	pthread_mutex_unlock(&l->lock);
}

static bool learn_scripts(source *s)
{
	for (int i = 0; i < 3; i++) {
		redisReply *reply =
			redisCommand(s->context, "SCRIPT LOAD %s", seg_script_sources[scripts[i]].text);
		bool good = reply && reply->type == REDIS_REPLY_STRING;
		if (good)
			snprintf(s->parser.sha[i], sizeof(s->parser.sha[i]), "%s", reply->str);
		if (reply)
			freeReplyObject(reply);
		if (!good)
			return false;
	}
	return true;
}

/* Only a server with passwords has this user, which needs none. */
static void log_in(redisContext *context)
{
	redisReply *reply = redisCommand(context, "AUTH control none");
	if (reply)
		freeReplyObject(reply);
}

static void hang_up(source *s)
{
	if (s->context)
		redisFree(s->context);
	s->context = NULL;
}

/* Runs MONITOR on a new connection, or leaves the source without one. */
static void listen_at(chaos_audit_listener *l, source *s)
{
	char path[sizeof(s->path)];
	pthread_mutex_lock(&l->lock);
	memcpy(path, s->path, sizeof(path));
	s->moved = false;
	for (size_t i = 0; i < l->changes.count; i++)
		chaos_append(&l->events, l->changes.items[i]);
	l->changes.count = 0;
	pthread_mutex_unlock(&l->lock);
	if (!*path)
		return;
	s->parser.script = NO_SCRIPT;
	s->context = redisConnectUnixWithTimeout(path, (struct timeval){.tv_sec = 1});
	if (!s->context)
		return;
	redisSetTimeout(s->context, (struct timeval){.tv_sec = 2});
	redisReply *id = NULL, *monitor = NULL;
	if (!s->context->err)
		log_in(s->context);
	if (!s->context->err && learn_scripts(s) && (id = redisCommand(s->context, "CLIENT ID")) &&
	    id->type == REDIS_REPLY_INTEGER && (monitor = redisCommand(s->context, "MONITOR")) &&
	    monitor->type == REDIS_REPLY_STATUS)
		note_state(l, s, true, id->integer);
	if (!monitor || monitor->type != REDIS_REPLY_STATUS)
		hang_up(s);
	if (id)
		freeReplyObject(id);
	if (monitor)
		freeReplyObject(monitor);
}

/* --- listening ------------------------------------------------------------------------- */

/* How much later the wall clock is than seg_now(). Of several tries, the one that was interrupted least. */
static int64_t measure_ahead(void)
{
	enum { TRIES = 20 };
	int64_t ahead = 0, least = INT64_MAX;
	for (int i = 0; i < TRIES; i++) {
		struct timespec wall;
		int64_t before = seg_now();
		clock_gettime(CLOCK_REALTIME, &wall);
		int64_t took = seg_now() - before;
		if (took < least) {
			least = took;
			ahead = (int64_t)wall.tv_sec * SEG_SECOND + wall.tv_nsec - before - took / 2;
		}
	}
	return ahead;
}

/* On a cluster no fault deletes anything, but a slot that moves deletes its keys where it was. */
static bool is_loss(const chaos_audit *event)
{
	return event->kind >= CHAOS_AUDIT_LOG_LOST;
}

/*
 * The time at the start of a line, as a time of seg_now: a line of several servers is in its place by that. The distance of
 * the two clocks is measured once, so that the lines of one server keep their order.
 */
static int64_t time_of(const chaos_audit_listener *l, const char *line)
{
	char *point;
	int64_t seconds = strtoll(line, &point, 10);
	int64_t us = *point == '.' ? strtoll(point + 1, NULL, 10) : 0;
	return seconds * SEG_SECOND + us * 1000 - l->ahead;
}

static bool take_lines(chaos_audit_listener *l, source *s)
{
	void *reply;
	if (redisBufferRead(s->context) != REDIS_OK)
		return false;
	while (redisReaderGetReply(s->context->reader, &reply) == REDIS_OK && reply) {
		chaos_audit event;
		const redisReply *line = reply;
		if (line->type == REDIS_REPLY_STATUS && chaos_audit_parse(&s->parser, line->str, &event) &&
		    !(l->several && is_loss(&event))) {
			event.time = l->several ? time_of(l, line->str) : seg_now();
			chaos_append(&l->events, event);
		}
		freeReplyObject(reply);
	}
	return true;
}

static void lose(chaos_audit_listener *l, source *s)
{
	hang_up(s);
	note_state(l, s, false, -1);
	chaos_append(&l->events, (chaos_audit){.kind = CHAOS_AUDIT_GAP, .time = seg_now()});
}

static void look_after(chaos_audit_listener *l, source *s, bool moved)
{
	int64_t now = seg_now();
	if (s->context && moved)
		lose(l, s);
	if (s->context || now < s->retry_at)
		return;
	s->retry_at = now + RETRY_MS * SEG_MS;
	/* With one server each try is a gap, because what came before it may have been heard by nobody. */
	if (!l->several)
		chaos_append(&l->events, (chaos_audit){.kind = CHAOS_AUDIT_GAP, .time = now});
	listen_at(l, s);
}

/* The number of sources; `moved` tells which of them moved. Zero with *stopping set at the end. */
static size_t look(chaos_audit_listener *l, bool *moved, bool *stopping)
{
	pthread_mutex_lock(&l->lock);
	size_t count = l->count;
	for (size_t i = 0; i < count; i++)
		moved[i] = l->sources[i].moved;
	*stopping = l->stopping;
	pthread_mutex_unlock(&l->lock);
	return count;
}

static void *run(void *arg)
{
	chaos_audit_listener *l = arg;
	bool moved[SERVERS_MAX], stopping;
	struct pollfd poller[SERVERS_MAX];
	size_t count;
	while (count = look(l, moved, &stopping), !stopping) {
		bool all = true;
		for (size_t i = 0; i < count; i++) {
			source *s = &l->sources[i];
			look_after(l, s, moved[i]);
			poller[i] = (struct pollfd){.fd = s->context ? s->context->fd : -1, .events = POLLIN};
			all = all && s->context;
		}
		if (poll(poller, (nfds_t)count, all ? LOOK_MS : RETRY_MS) <= 0)
			continue;
		for (size_t i = 0; i < count; i++)
			if (poller[i].revents && !take_lines(l, &l->sources[i]))
				lose(l, &l->sources[i]);
	}
	for (size_t i = 0; i < l->count; i++)
		hang_up(&l->sources[i]);
	return NULL;
}

/* --- the listener ----------------------------------------------------------------------- */

void chaos_audit_add(chaos_audit_listener *l, const char *path)
{
	pthread_mutex_lock(&l->lock);
	if (l->count < SERVERS_MAX) {
		source *s = &l->sources[l->count];
		*s = (source){.client_id = -1};
		snprintf(s->path, sizeof(s->path), "%s", path);
		l->count++;
	}
	pthread_mutex_unlock(&l->lock);
}

void chaos_audit_remove(chaos_audit_listener *l, const char *path)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->sources[i].path, path) == 0) {
			l->sources[i].path[0] = '\0';
			l->sources[i].moved = true;
		}
	pthread_mutex_unlock(&l->lock);
}

chaos_audit_listener *chaos_audit_start(const char *path)
{
	chaos_audit_listener *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	l->ahead = measure_ahead();
	l->several = path == NULL;
	if (path)
		chaos_audit_add(l, path);
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&l->thread, NULL, run, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure == 0)
		return l;
	free(l);
	return NULL;
}

void chaos_audit_emptied(chaos_audit_listener *l)
{
	pthread_mutex_lock(&l->lock);
	chaos_append(&l->changes, (chaos_audit){.kind = CHAOS_AUDIT_ALL_LOST, .time = seg_now()});
	l->sources[0].listens = false;
	pthread_mutex_unlock(&l->lock);
}

void chaos_audit_point(chaos_audit_listener *l, const char *path, const chaos_rollback *rollbacks,
		       size_t count)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < count; i++) {
		const chaos_rollback *r = &rollbacks[i];
		chaos_audit event = {CHAOS_AUDIT_ROLLBACK, r->partition, r->epoch, r->position, r->time, 0};
		chaos_append(&l->changes, event);
	}
	source *s = &l->sources[0];
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->moved = true;
	s->listens = false;
	pthread_mutex_unlock(&l->lock);
}

bool chaos_audit_listens(chaos_audit_listener *l)
{
	pthread_mutex_lock(&l->lock);
	bool listens = true;
	for (size_t i = 0; i < l->count; i++)
		listens = listens && (l->sources[i].listens || !l->sources[i].path[0]);
	pthread_mutex_unlock(&l->lock);
	return listens;
}

long long chaos_audit_client_id(chaos_audit_listener *l)
{
	pthread_mutex_lock(&l->lock);
	long long id = l->sources[0].client_id;
	pthread_mutex_unlock(&l->lock);
	return id;
}

static int compare_times(const void *a_, const void *b_)
{
	const chaos_audit *a = a_, *b = b_;
	return a->time != b->time ? (a->time < b->time ? -1 : 1) : (a < b ? -1 : a > b);
}

void chaos_audit_stop(chaos_audit_listener *l, chaos_history *history)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	for (size_t i = 0; i < l->events.count; i++)
		chaos_append(&history->audits, l->events.items[i]);
	if (l->several && history->audits.count)
		qsort(history->audits.items, history->audits.count, sizeof(*history->audits.items),
		      compare_times);
	free(l->events.items);
	free(l->changes.items);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
