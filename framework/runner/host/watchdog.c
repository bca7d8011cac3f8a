#include "host/watchdog.h"

#include <limits.h>

#include "base/clock.h"
#include "host/notify.h"

enum { LOOKS_PER_TIMEOUT = 4 };

void seg_watchdog_init(seg_watchdog *watchdog)
{
	*watchdog = (seg_watchdog){.timeout = seg_notify_watchdog()};
}

int seg_watchdog_pause_ms(const seg_watchdog *watchdog)
{
	int64_t pause = watchdog->timeout / LOOKS_PER_TIMEOUT / SEG_MS;
	return watchdog->timeout == 0 || pause >= INT_MAX ? INT_MAX : (int)pause + 1;
}

/* Whether the section's I/O thread went round since the last look, which nudged it; nudges it again. */
static bool works(seg_section *section)
{
	if (!section->member)
		return true;
	unsigned long long rounds = atomic_load_explicit(&section->member->rounds, memory_order_relaxed);
	bool moved = rounds != section->rounds_seen;
	section->rounds_seen = rounds;
	seg_member_nudge(section->member);
	return moved && !atomic_load(&section->stuck);
}

void seg_watchdog_look(seg_watchdog *watchdog, seg_section *const *sections, size_t count, int64_t now)
{
	bool all = true;
	if (watchdog->timeout == 0 || now < watchdog->feed_at)
		return;
	watchdog->feed_at = now + watchdog->timeout / LOOKS_PER_TIMEOUT;
	for (size_t i = 0; i < count; i++)
		all = works(sections[i]) && all;
	if (all)
		seg_notify_alive();
}
