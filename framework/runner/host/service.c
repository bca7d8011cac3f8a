#include "host/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/plural.h"
#include "host/notify.h"

enum { LOOK_MS = 1000, JOINING_MS = 20 };

#define FIRST_STATUS (1 * SEG_SECOND) /* after it is ready: by then it has its partitions */
#define STATUS_INTERVAL (5 * SEG_SECOND)
#define EXTENSION (60 * SEG_SECOND)
#define EXTENSION_INTERVAL (EXTENSION / 4)

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

int seg_service_extend_start(seg_service *service, int64_t now)
{
	if (now >= service->extend_at) {
		service->extend_at = now + EXTENSION_INTERVAL;
		seg_notify_extend(EXTENSION);
	}
	return (int)((service->extend_at - now) / SEG_MS) + 1;
}

void seg_service_reloading(seg_service *service)
{
	service->ready = false;
	seg_notify_reloading();
}

int seg_service_pause_ms(const seg_service *service)
{
	return service->ready ? LOOK_MS : JOINING_MS;
}

static bool has_joined(const seg_section *section)
{
	/* A section that stands by need not join. */
	return !section->member || atomic_load_explicit(&section->member->lease_until, memory_order_acquire);
}

/* Messages a second since the last count. */
static unsigned long long count(seg_service *service, unsigned long long handled, int64_t now)
{
	int64_t since = now - service->counted_at;
	/* A section that a reload has exchanged begins at 0. */
	unsigned long long done = handled > service->handled ? handled - service->handled : 0;
	service->handled = handled;
	service->counted_at = now;
	return since > 0 ? done * SEG_SECOND / (unsigned long long)since : 0;
}

static void tell_status(seg_service *service, seg_section *const *sections, size_t section_count, int64_t now)
{
	unsigned owned = 0, retrying = 0;
	unsigned long long handled = 0;
	for (size_t i = 0; i < section_count; i++) {
		const seg_section_counters *counters = &sections[i]->counters;
		owned += atomic_load_explicit(&counters->owned, memory_order_relaxed);
		retrying += atomic_load_explicit(&counters->retrying, memory_order_relaxed);
		handled += atomic_load_explicit(&counters->handled, memory_order_relaxed);
	}
	if (service->counted_at == 0)
		count(service, handled, now);
	if (now < service->status_at)
		return;
	seg_service_say(service, "%u partition%s owned, %u retrying; %llu messages a second", owned,
			seg_plural(owned), retrying, count(service, handled, now));
	service->status_at = now + STATUS_INTERVAL;
}

void seg_service_look(seg_service *service, seg_section *const *sections, size_t section_count, int64_t now)
{
	if (!service->ready) {
		for (size_t i = 0; i < section_count; i++)
			if (!has_joined(sections[i]))
				return;
		service->ready = true;
		service->status_at = now + FIRST_STATUS;
		seg_notify_ready();
	}
	tell_status(service, sections, section_count, now);
}
