#include "admin/observer.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/client.h"

#define PATIENCE (1 * SEG_SECOND) /* of one call, and of whoever waits for a reading */

enum { SHARE = 20 }; /* of the time, at most 1 in so many goes into reading */

/* Prints the id of the first message behind a position; its data stays where it is. */
static const char oldest_script[] =
	"local e = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1) return e[1] and e[1][1]";

typedef struct {
	seg_stream *stream; /* the thread's; NULL until it is opened */

	/* Under the lock. */
	seg_group_info *info;
	double *waiting;
	int64_t taken_at;
	char error[SEG_ERROR_TEXT_MAX];
} watched;

struct seg_observer {
	const seg_config *config;
	seg_client_options options;
	pthread_t thread;
	seg_client *client; /* the thread's */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* on CLOCK_MONOTONIC: each field below */
	bool wanted, stop;
	bool failing;     /* the last reading did not bring all */
	uint64_t rounds;  /* readings that ended */
	int64_t ended_at; /* of the last one, seg_now(); 0: there was none */
	int64_t took;     /* the last one, ns */
	watched *groups;  /* one for each consumer */
};

/* --- reading: the observer's thread -------------------------------------------------------- */

static int open_stream(seg_observer *o, size_t index, seg_error *error)
{
	watched *w = &o->groups[index];
	int status = 0;
	if (!o->client)
		status = seg_client_open(&o->options, &o->client, error);
	if (!status && !w->stream)
		status = seg_stream_open(o->client, o->config->consumers[index].stream, &w->stream, error);
	return status;
}

static void got_oldest(void *arg, const seg_reply *reply)
{
	seg_id *id = arg;
	if (reply->type != SEG_REPLY_TEXT || seg_id_parse(reply->text, id) != 0)
		*id = (seg_id){0, 0};
}

/* As seg_snapshot.waiting has it. */
static double read_waiting(watched *w, const seg_partition_info *partition)
{
	char key[SEG_KEY_MAX], position[SEG_ID_TEXT_MAX];
	seg_client *client = w->stream->client;
	seg_id oldest = {0, 0};
	seg_error error;
	if (partition->lag == 0 || seg_id_compare(partition->position, partition->last) >= 0)
		return 0;
	seg_key_log(key, client->name_space, w->stream->name, partition->partition);
	const char *argv[] = {"EVAL_RO", oldest_script, "1", key,
			      seg_id_format(partition->position, position)};
	if (seg_client_command(client, got_oldest, &oldest, 5, argv, NULL, "cannot read the log", &error))
		return -1;
	if (oldest.ms == 0)
		return 0;
	double seconds = (double)seg_wall_clock() / 1e9 - (double)oldest.ms / 1e3;
	return seconds > 0 ? seconds : 0;
}

static int read_group(seg_observer *o, size_t index, seg_group_info **info, double **waiting,
		      seg_error *error)
{
	watched *w = &o->groups[index];
	*info = NULL;
	*waiting = NULL;
	int status = open_stream(o, index, error);
	if (!status)
		status = seg_group_describe(w->stream, o->config->consumers[index].group, info, error);
	if (status)
		return status;
	*waiting = calloc((*info)->partition_count, sizeof(**waiting));
	for (uint32_t i = 0; *waiting && i < (*info)->partition_count; i++)
		(*waiting)[i] = read_waiting(w, &(*info)->partitions[i]);
	if (*waiting)
		return 0;
	seg_group_info_free(*info);
	strcpy(error->text, "out of memory");
	return SEG_ENOMEM;
}

/* Returns whether it succeeded. */
static bool take_snapshot(seg_observer *o, size_t index)
{
	watched *w = &o->groups[index];
	seg_group_info *info;
	double *waiting;
	seg_error error = {0};
	bool good = read_group(o, index, &info, &waiting, &error) == 0;
	pthread_mutex_lock(&o->lock);
	if (good) {
		seg_group_info_free(w->info);
		free(w->waiting);
		w->info = info;
		w->waiting = waiting;
		w->taken_at = seg_wall_clock();
	}
	memcpy(w->error, error.text, sizeof(w->error));
	pthread_mutex_unlock(&o->lock);
	return good;
}

static void *run(void *arg)
{
	seg_observer *o = arg;
	pthread_mutex_lock(&o->lock);
	while (!o->stop) {
		if (!o->wanted) {
			pthread_cond_wait(&o->changed, &o->lock);
			continue;
		}
		pthread_mutex_unlock(&o->lock);
		int64_t began_at = seg_now();
		bool good = true;
		for (size_t i = 0; good && i < o->config->consumer_count; i++)
			good = take_snapshot(o, i);
		pthread_mutex_lock(&o->lock);
		o->ended_at = seg_now();
		o->took = o->ended_at - began_at;
		o->failing = !good;
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
		while (o->rounds == before && !o->failing && !o->stop)
			if (pthread_cond_timedwait(&o->changed, &o->lock, &until))
				break;
	}
	pthread_mutex_unlock(&o->lock);
}

seg_snapshot seg_observer_hold(seg_observer *o, size_t index)
{
	if (!o)
		return (seg_snapshot){.error = "Redis was not reached yet"};
	pthread_mutex_lock(&o->lock);
	const watched *w = &o->groups[index];
	return (seg_snapshot){w->info, w->waiting, w->taken_at, w->error};
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
		seg_group_info_free(o->groups[i].info);
		free(o->groups[i].waiting);
	}
	seg_client_close(o->client);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	free(o->groups);
	free(o);
}

/* Signals are the main thread's business. */
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
	o->options.log = NULL; /* it would say again what the runner says */
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

void seg_observer_stop(seg_observer *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	o->stop = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, NULL);
	destroy(o);
}
