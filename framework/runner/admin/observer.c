#include "admin/observer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/client.h"

#define PATIENCE (1 * SEG_SECOND) /* with one round trip to Redis, and of a caller that wants a new reading */
#define READING_MAX (10 * SEG_SECOND) /* all groups together */

enum { SHARE = 20 }; /* at most one part in so many of the time goes into reading */

typedef struct {
	seg_stream *stream; /* the thread's; NULL until it is opened */

	/* Under the lock. */
	bool known;
	seg_group_snapshot group; /* if known */
	int64_t taken_at;
	char error[SEG_ERROR_TEXT_MAX];
} watched;

struct seg_observer {
	const seg_config *config;
	seg_client_options options;
	pthread_t thread;
	seg_client *client; /* the thread's */
	atomic_bool cancel; /* the client's calls end */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* on CLOCK_MONOTONIC: cancel, and each field below */
	bool wanted;
	bool failing;     /* Redis did not answer the last reading */
	uint64_t rounds;  /* readings that ended */
	int64_t ended_at; /* seg_now() at the end of the last one; 0: none has ended */
	int64_t took;     /* the last one, ns */
	watched *groups;  /* one for each consumer */
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
	pthread_mutex_lock(&o->lock);
	if (status == 0) {
		seg_group_snapshot_free(&w->group);
		w->group = group;
		w->known = true;
		w->taken_at = seg_wall_clock();
	}
	memcpy(w->error, error.text, sizeof(w->error));
	pthread_mutex_unlock(&o->lock);
	return status;
}

/* Returns whether Redis answered. If it did not, the next group would only wait for the same Redis. */
static bool read_groups(seg_observer *o)
{
	int64_t deadline = seg_now() + READING_MAX;
	for (size_t i = 0; i < o->config->consumer_count; i++) {
		if (atomic_load(&o->cancel))
			return false;
		int status = read_group(o, i, deadline);
		if (status && status != SEG_ENOTFOUND)
			return false;
	}
	return true;
}

static void *run(void *arg)
{
	seg_observer *o = arg;
	pthread_mutex_lock(&o->lock);
	while (!atomic_load(&o->cancel)) {
		if (!o->wanted) {
			pthread_cond_wait(&o->changed, &o->lock);
			continue;
		}
		pthread_mutex_unlock(&o->lock);
		int64_t began_at = seg_now();
		bool answered = read_groups(o);
		pthread_mutex_lock(&o->lock);
		o->ended_at = seg_now();
		o->took = o->ended_at - began_at;
		o->failing = !answered;
		o->wanted = false;
		o->rounds++;
		pthread_cond_broadcast(&o->changed);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* --- asking: any thread -------------------------------------------------------------------- */

/* Under the lock. */
static bool is_old(const seg_observer *o, int64_t max_age)
{
	int64_t fresh_for = o->took * SHARE > max_age ? o->took * SHARE : max_age;
	return o->ended_at == 0 || seg_now() - o->ended_at >= fresh_for;
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
		o->wanted = true;
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
	return (seg_observation){w->known ? &w->group : NULL, w->taken_at, w->error};
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
	}
	seg_client_close(o->client);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	free(o->groups);
	free(o);
}

/* With all signals blocked: the main thread takes them. */
static int start_thread(seg_observer *o)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&o->thread, NULL, run, o);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failure)
		pthread_setname_np(o->thread, "seg-observer");
	return failure;
}

seg_observer *seg_observer_start(const seg_config *config, const seg_client_options *options)
{
	seg_observer *o = calloc(1, sizeof(*o));
	pthread_condattr_t monotonic;
	if (!o)
		return NULL;
	o->config = config;
	o->options = *options;
	o->options.timeout_ms = PATIENCE / SEG_MS;
	o->options.log = NULL; /* the runner logs the same already */
	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&o->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	o->groups = calloc(config->consumer_count, sizeof(*o->groups));
	if (o->groups && start_thread(o) == 0)
		return o;
	destroy(o);
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
