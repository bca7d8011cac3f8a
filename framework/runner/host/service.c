#include "host/service.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "host/notify.h"

enum { LOOK_MS = 1000, JOINING_MS = 20, LOOKS_PER_WATCHDOG = 4 };

#define STATUS_INTERVAL (5 * SEG_SECOND)

void seg_service_init(seg_service *service)
{
	*service = (seg_service){.watchdog = seg_notify_watchdog()};
}

void seg_service_say(seg_service *service, const char *format, ...)
{
	char text[sizeof(service->status)];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (strcmp(text, service->status) == 0)
		return;
	snprintf(service->status, sizeof(service->status), "%s", text);
	seg_notify_status("%s", text);
}

void seg_service_reloading(seg_service *service)
{
	service->ready = false;
	seg_notify_reloading();
}

int seg_service_pause(const seg_service *service)
{
	int64_t pause = service->watchdog / LOOKS_PER_WATCHDOG / SEG_MS;
	if (!service->ready)
		return JOINING_MS;
	return service->watchdog && pause < LOOK_MS ? (int)pause + 1 : LOOK_MS;
}

static bool has_joined(const seg_section *section)
{
	/* One that stands by need not. */
	return !section->member || atomic_load_explicit(&section->member->lease_until, memory_order_acquire);
}

/* Since the last time, it went round: it was nudged then. Nudges it again. */
static bool gets_on(seg_section *section)
{
	if (!section->member)
		return true;
	unsigned long long rounds = atomic_load_explicit(&section->member->rounds, memory_order_relaxed);
	bool moved = rounds != section->rounds_seen;
	section->rounds_seen = rounds;
	seg_member_nudge(section->member);
	return moved && !atomic_load(&section->stuck);
}

/* Also while it is not up again: a reload waits for handlers. */
static void look_for_life(seg_service *service, seg_section *const *sections, size_t count, int64_t now)
{
	bool alive = true;
	if (!service->watchdog || now < service->alive_at)
		return;
	service->alive_at = now + service->watchdog / LOOKS_PER_WATCHDOG;
	for (size_t i = 0; i < count; i++)
		alive = gets_on(sections[i]) && alive;
	if (alive)
		seg_notify_alive();
}

static void tell_status(seg_service *service, seg_section *const *sections, size_t count, int64_t now)
{
	unsigned owned = 0, retrying = 0;
	unsigned long long handled = 0;
	if (now < service->status_at)
		return;
	for (size_t i = 0; i < count; i++) {
		const seg_section_counters *counters = &sections[i]->counters;
		owned += atomic_load_explicit(&counters->owned, memory_order_relaxed);
		retrying += atomic_load_explicit(&counters->retrying, memory_order_relaxed);
		handled += atomic_load_explicit(&counters->handled, memory_order_relaxed);
	}
	int64_t since = now - service->status_at + STATUS_INTERVAL;
	/* A section that was exchanged begins at 0. */
	unsigned long long done = handled > service->handled ? handled - service->handled : 0;
	unsigned long long per_second = done * SEG_SECOND / (unsigned long long)since;
	seg_service_say(service, "%u partition%s owned, %u retrying; %llu messages a second", owned,
			owned == 1 ? "" : "s", retrying, per_second);
	service->handled = handled;
	service->status_at = now + STATUS_INTERVAL;
}

void seg_service_look(seg_service *service, seg_section *const *sections, size_t count)
{
	int64_t now = seg_now();
	look_for_life(service, sections, count, now);
	if (!service->ready) {
		for (size_t i = 0; i < count; i++)
			if (!has_joined(sections[i]))
				return;
		service->ready = true;
		service->status_at = now + SEG_SECOND; /* by then it has its partitions */
		seg_notify_ready();
	}
	tell_status(service, sections, count, now);
}
