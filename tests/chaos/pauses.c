#include "chaos/pauses.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_US 1000

typedef CHAOS_LIST(int64_t) durations;

static int compare_records(const void *a, const void *b)
{
	const chaos_record *x = a, *y = b;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	return x->time != y->time ? (x->time < y->time ? -1 : 1) : 0;
}

static int compare_durations(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* One partition during one restart. */
typedef struct {
	bool moved;
	int64_t longest;
} span;

static void end_span(span *s, durations *moved, durations *stayed)
{
	if (s->longest > 0)
		chaos_append(s->moved ? moved : stayed, s->longest);
	*s = (span){0};
}

/* The records of one partition, by time. */
static void measure_partition(const chaos_history *h, const chaos_record *records, size_t count,
			      durations *moved, durations *stayed)
{
	span s = {0};
	size_t restart = 0;
	int64_t idle_since = 0;
	for (size_t i = 0; i < count && restart < h->restarts.count; i++) {
		const chaos_record *r = &records[i];
		while (restart < h->restarts.count && h->restarts.items[restart] <= r->time) {
			end_span(&s, moved, stayed);
			restart++;
		}
		if (r->kind == CHAOS_OPEN)
			s.moved = true;
		else if (r->kind == CHAOS_RETURN_DONE || r->kind == CHAOS_RETURN_DEAD)
			idle_since = r->time;
		else if (r->kind == CHAOS_RETURN_AGAIN)
			idle_since = 0;
		if (r->kind != CHAOS_MESSAGE)
			continue;
		if (restart > 0 && restart < h->restarts.count && idle_since &&
		    r->time - idle_since > s.longest)
			s.longest = r->time - idle_since;
		idle_since = 0;
	}
	end_span(&s, moved, stayed);
}

static long percentile(durations *d, size_t percent)
{
	if (!d->count)
		return 0;
	qsort(d->items, d->count, sizeof(*d->items), compare_durations);
	return (long)(d->items[(d->count * percent + 99) / 100 - 1] / NS_PER_US);
}

void chaos_pauses_measure(const chaos_history *history, chaos_pauses *pauses)
{
	durations moved = {0}, stayed = {0};
	size_t count = history->records.count;
	chaos_record *records = malloc((count + 1) * sizeof(*records));
	if (count)
		memcpy(records, history->records.items, count * sizeof(*records));
	qsort(records, count, sizeof(*records), compare_records);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && records[to].partition == records[from].partition;)
			to++;
		measure_partition(history, records + from, to - from, &moved, &stayed);
	}
	*pauses = (chaos_pauses){
		moved.count,
		stayed.count,
		percentile(&moved, 50),
		percentile(&moved, 99),
		percentile(&moved, 100),
		percentile(&stayed, 50),
		percentile(&stayed, 99),
		percentile(&stayed, 100),
	};
	free(records);
	free(moved.items);
	free(stayed.items);
}
