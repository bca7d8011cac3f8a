#include "admin/record.h"

#include "admin/view.h"
#include "base/clock.h"
#include "look/totals.h"

static uint64_t number(const atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Returns false if the section has not started. */
static bool count(struct seg_admin *admin, size_t index, seg_history_counters *counters)
{
	pthread_mutex_lock(&admin->lock);
	const seg_section *section = index < admin->section_count ? admin->sections[index] : NULL;
	if (section) {
		counters->handled = number(&section->counters.handled);
		for (unsigned i = 0; i <= SEG_DURATIONS_BOUNDS; i++) {
			counters->handling[i] = number(&section->counters.handling.buckets[i]);
			counters->committing[i] = number(&section->member->counters.committing.buckets[i]);
		}
	}
	pthread_mutex_unlock(&admin->lock);
	return section != NULL;
}

void seg_admin_record(void *arg, size_t index, const seg_group_snapshot *group)
{
	struct seg_admin *admin = arg;
	seg_history_counters counters;
	seg_group_totals totals = {.lag = -1, .behind = -1, .committed = -1, .added = -1};
	if (!admin->histories || !admin->histories[index])
		return;
	if (group)
		seg_group_totals_of(group, &totals);
	seg_history_reading reading = {.now = seg_now(),
				       .wall = seg_wall_clock(),
				       .lag = totals.lag,
				       .behind = totals.behind,
				       .committed = totals.committed,
				       .added = totals.added};
	if (count(admin, index, &counters))
		reading.counters = &counters;
	seg_history_note(admin->histories[index], &reading);
}
