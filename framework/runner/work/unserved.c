#include "work/unserved.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all reasons: they are rare */

void seg_unserved_init(seg_unserved *t)
{
	atomic_init(&t->since, 0);
	atomic_init(&t->served, false);
}

void seg_unserved_note(seg_unserved *t, seg_shortage why, const char *reason)
{
	pthread_mutex_lock(&lock);
	t->why = why;
	snprintf(t->reason, sizeof(t->reason), "%s", reason);
	pthread_mutex_unlock(&lock);
	if (atomic_load_explicit(&t->since, memory_order_relaxed) == 0)
		atomic_store_explicit(&t->since, seg_now(), memory_order_release);
}

void seg_unserved_end(seg_unserved *t)
{
	atomic_store_explicit(&t->since, 0, memory_order_relaxed);
	atomic_store_explicit(&t->served, true, memory_order_relaxed);
}

bool seg_unserved_lasts(const seg_unserved *t)
{
	return atomic_load_explicit(&t->since, memory_order_relaxed) != 0;
}

bool seg_unserved_is_served(const seg_unserved *t)
{
	return atomic_load_explicit(&t->served, memory_order_relaxed);
}

void seg_unserved_report(seg_unserved *t, seg_partition *partition)
{
	char reason[sizeof(t->reason)];
	int64_t since = atomic_load_explicit(&t->since, memory_order_acquire);
	if (since == 0) {
		if (atomic_load_explicit(&t->served, memory_order_relaxed))
			seg_shortage_served(partition);
		return;
	}
	pthread_mutex_lock(&lock);
	seg_shortage why = t->why;
	memcpy(reason, t->reason, sizeof(reason));
	pthread_mutex_unlock(&lock);
	seg_shortage_tell(partition, why, since, reason);
}
