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

enum {
	CLAIM,
	COMMIT,
	DEAD_LETTER,
	NO_SCRIPT = -1,
	WORDS_MAX = 16,
	WORD_SIZE = 512,
	LOOK_MS = 20,
	RETRY_MS = 10
};

static const seg_script scripts[] = {SEG_SCRIPT_CLAIM, SEG_SCRIPT_COMMIT, SEG_SCRIPT_DEAD_LETTER};

struct chaos_audit_listener {
	pthread_t thread;
	pthread_mutex_t lock; /* guards the next five */
	bool stopping, moved, listens;
	long long client_id;
	char path[108];
	CHAOS_LIST(chaos_audit) rollbacks; /* set together with the path */
	CHAOS_LIST(chaos_audit) events;    /* only the listening thread uses it */
	chaos_audit_parser parser;
};

/* --- lines --------------------------------------------------------------------------- */

/* Splits the first words of `"A" "B" ...` into words. A word that is too long is cut. */
static int split(const char *line, char words[WORDS_MAX][WORD_SIZE])
{
	int count = 0;
	for (const char *c = line; count < WORDS_MAX && (c = strchr(c, '"')); count++) {
		size_t length = 0;
		for (c++; *c && *c != '"'; c++) {
			if (*c == '\\' && c[1])
				c++;
			if (length < WORD_SIZE - 1)
				words[count][length++] = *c;
		}
		words[count][length] = '\0';
		if (*c)
			c++;
	}
	return count;
}

static bool partition_of(const char *key, uint32_t *partition)
{
	const char *number = strstr(key, ":partition_");
	if (!number)
		return false;
	*partition = (uint32_t)strtoul(number + strlen(":partition_"), NULL, 10);
	return true;
}

/* The epoch among a script's arguments; framework/lua/README.md has their order. */
static const char *epoch_of(int script, char words[WORDS_MAX][WORD_SIZE])
{
	enum { EVALSHA_KEYS = 3, CLAIM_EPOCH = 2 + 3, COMMIT_EPOCH = 2 + 1, DEAD_LETTER_EPOCH = 3 + 1 };
	int at = script == CLAIM ? CLAIM_EPOCH : script == COMMIT ? COMMIT_EPOCH : DEAD_LETTER_EPOCH;
	return words[EVALSHA_KEYS + at];
}

static void take_call(chaos_audit_parser *p, const char *line)
{
	char words[WORDS_MAX][WORD_SIZE] = {""};
	p->script = NO_SCRIPT;
	if (!strstr(line, "\"EVALSHA\"") || split(line, words) < 8)
		return;
	for (int i = 0; i < 3; i++)
		if (strcmp(words[1], p->sha[i]) == 0 && partition_of(words[3], &p->partition))
			p->script = i;
	if (p->script != NO_SCRIPT)
		p->epoch = strtoull(epoch_of(p->script, words), NULL, 10);
}

static const char *value_of(const char *field, char words[WORDS_MAX][WORD_SIZE], int count)
{
	for (int i = 2; i + 1 < count; i += 2)
		if (strcmp(words[i], field) == 0)
			return words[i + 1];
	return NULL;
}

bool chaos_audit_parse(chaos_audit_parser *p, const char *line, chaos_audit *event)
{
	char words[WORDS_MAX][WORD_SIZE] = {""};
	if (!strstr(line, " lua] ")) {
		take_call(p, line);
		return false;
	}
	/* Each of these scripts writes its result to the state hash. */
	if (p->script == NO_SCRIPT || !strstr(line, "lua] \"HSET\""))
		return false;
	int count = split(line, words);
	const char *position = value_of("position", words, count);
	*event = (chaos_audit){.partition = p->partition, .epoch = p->epoch};
	if (p->script != CLAIM && value_of("clean", words, count)) {
		event->kind = CHAOS_AUDIT_RELEASE;
		return true;
	}
	if (!position || seg_id_parse(position, &event->id))
		return false;
	if (p->script == CLAIM && !value_of("epoch", words, count))
		return false;
	event->kind = p->script == CLAIM ? CHAOS_AUDIT_CLAIM : CHAOS_AUDIT_COMMIT;
	return true;
}

/* --- listening ------------------------------------------------------------------------- */

static void pause_ms(int ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000L};
	nanosleep(&t, NULL);
}

static bool is_stopping(chaos_audit_listener *l, bool *moved)
{
	pthread_mutex_lock(&l->lock);
	bool stopping = l->stopping;
	*moved = l->moved;
	pthread_mutex_unlock(&l->lock);
	return stopping;
}

static void note_state(chaos_audit_listener *l, bool listens, long long client_id)
{
	pthread_mutex_lock(&l->lock);
	l->listens = listens && !l->moved;
	l->client_id = client_id;
	pthread_mutex_unlock(&l->lock);
}

static bool learn_scripts(chaos_audit_listener *l, redisContext *context)
{
	for (int i = 0; i < 3; i++) {
		redisReply *reply =
			redisCommand(context, "SCRIPT LOAD %s", seg_script_sources[scripts[i]].text);
		bool good = reply && reply->type == REDIS_REPLY_STRING;
		if (good)
			snprintf(l->parser.sha[i], sizeof(l->parser.sha[i]), "%s", reply->str);
		if (reply)
			freeReplyObject(reply);
		if (!good)
			return false;
	}
	return true;
}

/* A connection on which MONITOR runs, or NULL. */
static redisContext *listen_at(chaos_audit_listener *l)
{
	char path[sizeof(l->path)];
	pthread_mutex_lock(&l->lock);
	memcpy(path, l->path, sizeof(path));
	l->moved = false;
	for (size_t i = 0; i < l->rollbacks.count; i++)
		chaos_append(&l->events, l->rollbacks.items[i]);
	l->rollbacks.count = 0;
	pthread_mutex_unlock(&l->lock);
	redisContext *context = redisConnectUnixWithTimeout(path, (struct timeval){.tv_sec = 1});
	if (!context)
		return NULL;
	redisSetTimeout(context, (struct timeval){.tv_sec = 2});
	redisReply *id = NULL, *monitor = NULL;
	if (!context->err && learn_scripts(l, context) && (id = redisCommand(context, "CLIENT ID")) &&
	    id->type == REDIS_REPLY_INTEGER && (monitor = redisCommand(context, "MONITOR")) &&
	    monitor->type == REDIS_REPLY_STATUS)
		note_state(l, true, id->integer);
	bool good = monitor && monitor->type == REDIS_REPLY_STATUS;
	if (id)
		freeReplyObject(id);
	if (monitor)
		freeReplyObject(monitor);
	if (good)
		return context;
	redisFree(context);
	return NULL;
}

static bool take_lines(chaos_audit_listener *l, redisContext *context)
{
	void *reply;
	if (redisBufferRead(context) != REDIS_OK)
		return false;
	while (redisReaderGetReply(context->reader, &reply) == REDIS_OK && reply) {
		chaos_audit event;
		const redisReply *line = reply;
		if (line->type == REDIS_REPLY_STATUS && chaos_audit_parse(&l->parser, line->str, &event)) {
			event.time = seg_now();
			chaos_append(&l->events, event);
		}
		freeReplyObject(reply);
	}
	return true;
}

static void *run(void *arg)
{
	chaos_audit_listener *l = arg;
	redisContext *context = NULL;
	bool moved;
	while (!is_stopping(l, &moved)) {
		if (context && moved) {
			redisFree(context);
			context = NULL;
		}
		if (!context) {
			note_state(l, false, -1);
			chaos_append(&l->events, (chaos_audit){.kind = CHAOS_AUDIT_GAP, .time = seg_now()});
			l->parser.script = NO_SCRIPT;
			context = listen_at(l);
			if (!context)
				pause_ms(RETRY_MS);
			continue;
		}
		struct pollfd poller = {.fd = context->fd, .events = POLLIN};
		if (poll(&poller, 1, LOOK_MS) > 0 && !take_lines(l, context)) {
			redisFree(context);
			context = NULL;
		}
	}
	if (context)
		redisFree(context);
	return NULL;
}

chaos_audit_listener *chaos_audit_start(const char *path)
{
	chaos_audit_listener *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	snprintf(l->path, sizeof(l->path), "%s", path);
	pthread_mutex_init(&l->lock, NULL);
	l->client_id = -1;
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

void chaos_audit_point(chaos_audit_listener *l, const char *path, const chaos_rollback *rollbacks,
		       size_t count)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < count; i++) {
		const chaos_rollback *r = &rollbacks[i];
		chaos_audit event = {CHAOS_AUDIT_ROLLBACK, r->partition, r->epoch, r->position, r->time};
		chaos_append(&l->rollbacks, event);
	}
	snprintf(l->path, sizeof(l->path), "%s", path);
	l->moved = true;
	l->listens = false;
	pthread_mutex_unlock(&l->lock);
}

bool chaos_audit_listens(chaos_audit_listener *l)
{
	pthread_mutex_lock(&l->lock);
	bool listens = l->listens;
	pthread_mutex_unlock(&l->lock);
	return listens;
}

long long chaos_audit_client_id(chaos_audit_listener *l)
{
	pthread_mutex_lock(&l->lock);
	long long id = l->client_id;
	pthread_mutex_unlock(&l->lock);
	return id;
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
	free(l->events.items);
	free(l->rollbacks.items);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
