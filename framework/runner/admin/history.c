#include "admin/history.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

/* A reading that comes a little early makes its sample, or a reader who asks every two seconds would delay each one. */
#define DUE (SEG_HISTORY_INTERVAL - SEG_HISTORY_INTERVAL / 20)

/* An average over the readings that know the value. */
typedef struct {
	double sum, seconds;
} average;

struct seg_history {
	/* The noting thread's: */
	int64_t noted_at;   /* seg_now() of the last reading; 0: there was none */
	int64_t sampled_at; /* seg_now() of the last sample */
	average committed, added;
	bool counted; /* `before` is known */
	seg_history_counters before;

	/* Under the lock: */
	pthread_mutex_t lock;
	seg_history_sample ring[SEG_HISTORY_SAMPLES];
	uint64_t count; /* samples ever; the newest is at (count - 1) % SEG_HISTORY_SAMPLES */
};

seg_history *seg_history_create(void)
{
	seg_history *h = calloc(1, sizeof(*h));
	if (h)
		pthread_mutex_init(&h->lock, NULL);
	return h;
}

void seg_history_destroy(seg_history *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* --- averages and quantiles ------------------------------------------------------------ */

static void add(average *a, double rate, double seconds)
{
	if (rate < 0)
		return;
	a->sum += rate * seconds;
	a->seconds += seconds;
}

/* And begins anew. */
static double take(average *a)
{
	double value = a->seconds > 0 ? a->sum / a->seconds : -1;
	*a = (average){0, 0};
	return value;
}

/* Seconds: the quantile of the durations counted between two readings of a histogram; -1: there are none. */
static float quantile(const uint64_t *before, const uint64_t *now, double fraction)
{
	uint64_t total = 0;
	for (unsigned i = 0; i <= SEG_DURATIONS_BOUNDS; i++)
		total += now[i] - before[i];
	double rest = fraction * (double)total;
	for (unsigned i = 0; total > 0 && i <= SEG_DURATIONS_BOUNDS; i++) {
		double count = (double)(now[i] - before[i]);
		double low = i ? (double)seg_durations_bounds[i - 1] : 0;
		if (count > 0 && i == SEG_DURATIONS_BOUNDS)
			return (float)(low / SEG_SECOND);
		if (count > 0 && rest <= count)
			return (float)((low + ((double)seg_durations_bounds[i] - low) * rest / count) /
				       SEG_SECOND);
		rest -= count;
	}
	return -1;
}

/* Whether no counter began anew. */
static bool follows(const seg_history_counters *now, const seg_history_counters *before)
{
	bool rises = now->handled >= before->handled;
	for (unsigned i = 0; i <= SEG_DURATIONS_BOUNDS; i++)
		rises = rises && now->handling[i] >= before->handling[i] &&
			now->committing[i] >= before->committing[i];
	return rises;
}

/* --- samples ------------------------------------------------------------------------------ */

static void sample_counters(seg_history *h, seg_history_sample *s, const seg_history_reading *r)
{
	double seconds = (double)(r->now - h->sampled_at) / SEG_SECOND;
	s->handled = -1;
	s->handler_p50 = s->handler_p99 = s->commit_p50 = s->commit_p99 = -1;
	if (r->counters && h->counted && seconds > 0 && follows(r->counters, &h->before)) {
		const seg_history_counters *was = &h->before, *is = r->counters;
		s->handled = (double)(is->handled - was->handled) / seconds;
		s->handler_p50 = quantile(was->handling, is->handling, .5);
		s->handler_p99 = quantile(was->handling, is->handling, .99);
		s->commit_p50 = quantile(was->committing, is->committing, .5);
		s->commit_p99 = quantile(was->committing, is->committing, .99);
	}
	h->counted = r->counters != NULL;
	if (r->counters)
		h->before = *r->counters;
}

static void push(seg_history *h, const seg_history_sample *sample)
{
	pthread_mutex_lock(&h->lock);
	h->ring[h->count++ % SEG_HISTORY_SAMPLES] = *sample;
	pthread_mutex_unlock(&h->lock);
}

void seg_history_note(seg_history *h, const seg_history_reading *r)
{
	if (h->noted_at > 0) {
		double seconds = (double)(r->now - h->noted_at) / SEG_SECOND;
		add(&h->committed, r->committed, seconds);
		add(&h->added, r->added, seconds);
	}
	bool due = h->noted_at == 0 || r->now - h->sampled_at >= DUE;
	h->noted_at = r->now;
	if (!due)
		return;
	seg_history_sample sample = {.at = r->wall, .lag = r->lag, .behind = r->behind};
	sample.committed = take(&h->committed);
	sample.added = take(&h->added);
	sample_counters(h, &sample, r);
	h->sampled_at = r->now;
	push(h, &sample);
}

size_t seg_history_copy(seg_history *h, int64_t wall, int64_t after, seg_history_sample *list)
{
	size_t count = 0;
	pthread_mutex_lock(&h->lock);
	uint64_t kept = h->count < SEG_HISTORY_SAMPLES ? h->count : SEG_HISTORY_SAMPLES;
	for (uint64_t i = h->count - kept; i < h->count; i++) {
		const seg_history_sample *s = &h->ring[i % SEG_HISTORY_SAMPLES];
		if (s->at > after && s->at >= wall - SEG_HISTORY_SPAN)
			list[count++] = *s;
	}
	pthread_mutex_unlock(&h->lock);
	return count;
}
