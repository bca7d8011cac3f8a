#include "admin/observer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "look/letters.h"
#include "look/totals.h"
#include "stream/client.h"

#define PATIENCE (1 * SEG_SECOND) /* with one round trip to Redis, and of a caller that wants a new reading */
#define READING_MAX (10 * SEG_SECOND) /* all groups together */

#define ASIDE (10 * SEG_SECOND) /* between two looks at Redis itself, and at dead letters */
#define LETTERS \
	(60 * SEG_SECOND) /* between two looks at dead letters whose number is the same: they may be others */
#define UNASKED (10 * SEG_SECOND) /* so long after the last reading, it reads without a request */

enum { SHARE = 20 }; /* at most one part in so many of the time goes into reading */

/* Partitions that all members' observers together read without a request. */
enum { PARTITIONS_PER_SECOND = 1000 };

typedef struct {
	seg_stream *stream; /* the thread's; NULL until it is opened */

	/* Under the lock. */
	bool known;
	seg_group_snapshot group; /* if known */
	int64_t taken_at;
	int64_t known_at; /* the same: seg_now() */
	char error[SEG_ERROR_TEXT_MAX];
	bool letters_known;
	seg_letters letters;
	seg_group_totals letters_of; /* when they were read */
	int64_t letters_at;          /* the same: seg_now() */
} watched;

struct seg_observer {
	const seg_config *config;
	seg_client_options options;
	pthread_t thread;
	seg_observer_seen_fn *seen; /* or NULL */
	void *seen_arg;
	seg_client *client;        /* the thread's */
	int64_t servers_looked_at; /* the thread's: when it last looked at Redis itself; 0: look again */
	int64_t letters_looked_at; /* the thread's */
	int64_t unasked_at;        /* the thread's: when it reads without a request (seg_now()) */
	atomic_bool cancel;        /* the client's calls end */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* on CLOCK_MONOTONIC: cancel, and each field below */
	bool wanted;
	bool asked;       /* by a request */
	bool failing;     /* Redis did not answer the last reading */
	uint64_t rounds;  /* readings that ended */
	int64_t ended_at; /* seg_now() at the end of the last one; 0: none has ended */
	int64_t asked_at; /* the same, of the last one that somebody asked for */
	int64_t took;     /* the last one, ns; 0 if Redis did not answer */
	bool servers_known;
	seg_servers servers;
	int64_t servers_at; /* seg_wall_clock() */
	watched *groups;    /* one for each consumer */
};

/* --- reading: the observer's thread -------------------------------------------------------- */

static int open_stream(seg_observer *o, size_t index, seg_error *error)
{
	watched *w = &o->groups[index];
	int status = 0;
	if (!o->client) {
		status = seg_client_open(&o->options, &o->client, error);
		if (!status)
			o->client->cancel = &o->cancel;
	}
	if (!status && !w->stream)
		status = seg_stream_open(o->client, o->config->consumers[index].stream, &w->stream, error);
	return status;
}

/* 0, or a status; its reason is kept. */
static int read_group(seg_observer *o, size_t index, int64_t deadline)
{
	watched *w = &o->groups[index];
	seg_group_snapshot group;
	seg_error error = {0};
	seg_look look = {.oldest = true, .deadline = deadline};
	int status = open_stream(o, index, &error);
	if (!status)
		status = seg_group_snapshot_take(w->stream, o->config->consumers[index].group, &look, &group,
						 &error);
	/* Only this thread changes w->group, so it may read it without the lock. */
	if (status == 0 && w->known)
		seg_group_snapshot_compare(&w->group, &group);
	pthread_mutex_lock(&o->lock);
	if (status == 0) {
		seg_group_snapshot_free(&w->group);
		w->group = group;
		w->known = true;
		w->taken_at = seg_wall_clock();
		w->known_at = seg_now();
	}
	memcpy(w->error, error.text, sizeof(w->error));
	pthread_mutex_unlock(&o->lock);
	if (o->seen)
		o->seen(o->seen_arg, index, status ? NULL : &w->group);
	return status;
}

/* What kept this group from being read keeps the rest, too. */
static void give_up_after(seg_observer *o, size_t index)
{
	for (size_t rest = index + 1; rest < o->config->consumer_count; rest++) {
		pthread_mutex_lock(&o->lock);
		memcpy(o->groups[rest].error, o->groups[index].error, sizeof(o->groups[rest].error));
		pthread_mutex_unlock(&o->lock);
		if (o->seen)
			o->seen(o->seen_arg, rest, NULL);
	}
}

/* Returns whether Redis answered. If it did not, the next group would only wait for the same Redis. */
static bool read_groups(seg_observer *o)
{
	int64_t deadline = seg_now() + READING_MAX;
	for (size_t i = 0; i < o->config->consumer_count; i++) {
		if (atomic_load(&o->cancel))
			return false;
		int status = read_group(o, i, deadline);
		if (status && status != SEG_ENOTFOUND) {
			give_up_after(o, i);
			return false;
		}
	}
	return true;
}

/* --- looking aside: the observer's thread ------------------------------------------------------ */

static void note_no_answer(seg_servers *servers)
{
	for (size_t i = 0; i < servers->count; i++) {
		servers->list[i].answers = false;
		servers->list[i].round_trip = -1;
	}
}

/* What a server said last stays, but not that it answers. */
static void look_at_servers(seg_observer *o)
{
	seg_servers servers = {0};
	seg_error error;
	int status = o->client ? seg_servers_look(o->client, seg_now() + PATIENCE, &servers, &error)
			       : SEG_ETIMEOUT;
	if (atomic_load(&o->cancel)) {
		seg_servers_free(&servers);
		return;
	}
	pthread_mutex_lock(&o->lock);
	if (status == 0) {
		seg_servers_free(&o->servers);
		o->servers = servers;
		o->servers_known = true;
	} else {
		note_no_answer(&o->servers);
	}
	o->servers_at = seg_wall_clock();
	o->servers_looked_at = status == 0 ? seg_now() : 0;
	pthread_mutex_unlock(&o->lock);
	if (status)
		seg_servers_free(&servers);
}

/* Only if letters have come or gone since the last look, or that was long ago. */
static void look_at_letters(seg_observer *o, size_t index)
{
	watched *w = &o->groups[index];
	seg_group_totals totals;
	seg_letters letters;
	seg_error error;
	if (!w->known)
		return;
	seg_group_totals_of(&w->group, &totals);
	if (w->letters_known && totals.dead_letters == w->letters_of.dead_letters &&
	    totals.dead_letters_ever == w->letters_of.dead_letters_ever &&
	    seg_now() - w->letters_at < LETTERS)
		return;
	int status = seg_letters_look(w->stream, o->config->consumers[index].group, &w->group,
				      seg_now() + PATIENCE, &letters, &error);
	pthread_mutex_lock(&o->lock);
	if (status == 0) {
		seg_letters_free(&w->letters);
		w->letters = letters;
		w->letters_known = true;
		w->letters_of = totals;
		w->letters_at = seg_now();
	}
	pthread_mutex_unlock(&o->lock);
	if (status)
		seg_letters_free(&letters);
}

static bool is_due(int64_t looked_at)
{
	return looked_at == 0 || seg_now() - looked_at >= ASIDE;
}

static void look_at_all_letters(seg_observer *o)
{
	for (size_t i = 0; i < o->config->consumer_count; i++)
		look_at_letters(o, i);
	o->letters_looked_at = seg_now();
}

/* --- the thread ---------------------------------------------------------------------------- */

/* Until a reading without a request: longer for many partitions and members, for each member has an observer. */
static int64_t unasked_pause(const seg_observer *o)
{
	double reads = 0;
	for (size_t i = 0; i < o->config->consumer_count; i++)
		if (o->groups[i].known)
			reads += (double)o->groups[i].group.partition_count *
				 (double)o->groups[i].group.roster.live;
	int64_t least = (int64_t)(reads / PARTITIONS_PER_SECOND * SEG_SECOND);
	if (least < o->took * SHARE)
		least = o->took * SHARE;
	return least < UNASKED ? UNASKED : least;
}

/* Under the lock: until a reading is wanted, or due. */
static void wait_for_wish(seg_observer *o)
{
	struct timespec until;
	int64_t left = o->unasked_at - seg_now();
	if (!o->seen) {
		pthread_cond_wait(&o->changed, &o->lock);
	} else if (left <= 0) {
		o->wanted = true;
	} else {
		clock_gettime(CLOCK_MONOTONIC, &until);
		left += until.tv_nsec;
		until.tv_sec += left / SEG_SECOND;
		until.tv_nsec = left % SEG_SECOND;
		pthread_cond_timedwait(&o->changed, &o->lock, &until);
	}
}

/* Under the lock. */
static void end_round(seg_observer *o, bool asked, bool answered, int64_t took)
{
	o->ended_at = seg_now();
	o->took = answered ? took : 0; /* who does not answer has no work with it */
	o->failing = !answered;
	if (asked)
		o->asked_at = o->ended_at;
	o->wanted = o->asked = false;
	o->unasked_at = o->ended_at + unasked_pause(o);
	o->rounds++;
	pthread_cond_broadcast(&o->changed);
}

/* Who asks waits for the look at Redis too, or would see an old one; but not longer for a Redis that does not answer. */
static void do_round(seg_observer *o, bool asked)
{
	int64_t began_at = seg_now();
	bool answered = read_groups(o);
	int64_t took = seg_now() - began_at;
	if (asked && answered && is_due(o->servers_looked_at))
		look_at_servers(o);
	pthread_mutex_lock(&o->lock);
	end_round(o, asked, answered, took);
	pthread_mutex_unlock(&o->lock);
	if (asked && !answered && !atomic_load(&o->cancel))
		look_at_servers(o);
	if (asked && answered && is_due(o->letters_looked_at))
		look_at_all_letters(o);
}

static void *run(void *arg)
{
	seg_observer *o = arg;
	pthread_mutex_lock(&o->lock);
	while (!atomic_load(&o->cancel)) {
		if (!o->wanted) {
			wait_for_wish(o);
			continue;
		}
		bool asked = o->asked;
		pthread_mutex_unlock(&o->lock);
		do_round(o, asked);
		pthread_mutex_lock(&o->lock);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* --- asking: any thread -------------------------------------------------------------------- */

/* Under the lock. Who asks gets what nobody who asked has seen, not the last reading for the history. */
static bool is_old(const seg_observer *o, int64_t max_age)
{
	int64_t now = seg_now();
	return o->ended_at == 0 ||
	       (now - o->ended_at >= o->took * SHARE && (o->asked_at == 0 || now - o->asked_at >= max_age));
}

void seg_observer_refresh(seg_observer *o, int64_t max_age)
{
	if (!o)
		return;
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE / SEG_SECOND;
	pthread_mutex_lock(&o->lock);
	if (is_old(o, max_age)) {
		uint64_t before = o->rounds;
		o->wanted = o->asked = true;
		pthread_cond_broadcast(&o->changed);
		while (o->rounds == before && !o->failing && !atomic_load(&o->cancel))
			if (pthread_cond_timedwait(&o->changed, &o->lock, &until))
				break;
	}
	pthread_mutex_unlock(&o->lock);
}

seg_observation seg_observer_hold(seg_observer *o, size_t index)
{
	if (!o)
		return (seg_observation){.error = "this runner has not asked Redis yet"};
	pthread_mutex_lock(&o->lock);
	const watched *w = &o->groups[index];
	int64_t age = seg_now() - w->known_at;
	return (seg_observation){w->known ? &w->group : NULL, w->taken_at, w->error,
				 w->letters_known ? &w->letters : NULL,
				 w->error[0] && age > o->config->consumers[index].session_timeout};
}

seg_observed_servers seg_observer_hold_servers(seg_observer *o)
{
	if (!o)
		return (seg_observed_servers){NULL, 0};
	pthread_mutex_lock(&o->lock);
	return (seg_observed_servers){o->servers_known ? &o->servers : NULL, o->servers_at};
}

void seg_observer_let_go(seg_observer *o)
{
	if (o)
		pthread_mutex_unlock(&o->lock);
}

/* --- its life: the main thread --------------------------------------------------------------- */

static void destroy(seg_observer *o)
{
	for (size_t i = 0; o->groups && i < o->config->consumer_count; i++) {
		seg_stream_close(o->groups[i].stream);
		seg_group_snapshot_free(&o->groups[i].group);
		seg_letters_free(&o->groups[i].letters);
	}
	seg_servers_free(&o->servers);
	seg_client_close(o->client);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	free(o->groups);
	free(o);
}

static void refused(seg_error *error, int failure)
{
	seg_fail(error, failure == ENOMEM ? SEG_ENOMEM : SEG_ESYSTEM,
		 "cannot start the thread that reads groups from Redis: %s%s", strerror(failure),
		 seg_thread_limit_advice(failure));
}

seg_observer *seg_observer_start(const seg_config *config, const seg_client_options *options,
				 seg_observer_seen_fn *seen, void *arg, seg_error *error)
{
	seg_observer *o = calloc(1, sizeof(*o));
	pthread_condattr_t monotonic;
	if (!o) {
		refused(error, ENOMEM);
		return NULL;
	}
	o->config = config;
	o->options = *options;
	o->seen = seen;
	o->seen_arg = arg;
	o->unasked_at = seg_now() + UNASKED;
	o->options.timeout_ms = PATIENCE / SEG_MS;
	o->options.log = NULL; /* the runner logs the same already */
	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&o->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	o->groups = calloc(config->consumer_count, sizeof(*o->groups));
	int failure = o->groups ? seg_thread_start(&o->thread, "seg-observer", run, o) : ENOMEM;
	if (failure == 0)
		return o;
	destroy(o);
	refused(error, failure);
	return NULL;
}

void seg_observer_cancel(seg_observer *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	atomic_store(&o->cancel, true);
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

void seg_observer_stop(seg_observer *o)
{
	if (!o)
		return;
	seg_observer_cancel(o);
	pthread_join(o->thread, NULL);
	destroy(o);
}
