#include "chaos/checker_parts.h"

#include <stdlib.h>

/* Whether another fault lay in that time: a takeover then takes as long as that fault. */
static bool disturbed(const chaos_history *h, int64_t from, int64_t to)
{
	for (size_t i = 0; i < h->processes.count; i++)
		if (h->processes.items[i].killed && h->processes.items[i].killed_at > from &&
		    h->processes.items[i].killed_at < to)
			return true;
	for (size_t i = 0; i < h->freezes.count; i++)
		if (h->freezes.items[i].from <= to && h->freezes.items[i].to >= from)
			return true;
	for (size_t i = 0; i < h->outages.count; i++)
		if (h->outages.items[i].from <= to && h->outages.items[i].to >= from)
			return true;
	return false;
}

/* When any process opened the partition first after `time`. */
static int64_t next_open(const chaos_checker *c, uint32_t partition, int64_t time)
{
	int64_t first = CHAOS_NEVER;
	for (size_t i = 0; i < c->ownerships.count; i++) {
		const chaos_ownership *o = &c->ownerships.items[i];
		if (o->partition == partition && o->opened > time && o->opened < first)
			first = o->opened;
	}
	return first;
}

static int compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Whether ownership i, the process's last of its partition, was still open when the process was killed. */
static bool was_open(const chaos_checker *c, size_t i, const chaos_process *p)
{
	const chaos_ownership *o = &c->ownerships.items[i], *next = o + 1;
	bool last = i + 1 == c->ownerships.count || next->process != o->process ||
		    next->partition != o->partition;
	return o->process == p->process && last && !o->closed;
}

void chaos_check_takeovers(chaos_checker *c)
{
	CHAOS_LIST(int64_t) times = {0};
	for (size_t n = 0; n < c->history->processes.count; n++) {
		const chaos_process *p = &c->history->processes.items[n];
		for (size_t i = 0; p->killed && i < c->ownerships.count; i++) {
			if (!was_open(c, i, p))
				continue;
			int64_t taken = next_open(c, c->ownerships.items[i].partition, p->killed_at);
			if (taken != CHAOS_NEVER && !disturbed(c->history, p->killed_at, taken))
				chaos_append(&times, taken - p->killed_at);
		}
	}
	if (times.count) {
		qsort(times.items, times.count, sizeof(*times.items), compare_times);
		c->verdict->takeover_p99_ms =
			(long)(times.items[(times.count * 99 - 1) / 100] / CHAOS_NS_PER_MS);
	}
	c->verdict->takeovers = times.count;
	free(times.items);
}
