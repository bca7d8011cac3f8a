#include "host/notify.h"

#ifdef SEG_HAVE_SYSTEMD
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum { STATUS_MAX = 512 };

bool seg_notify_is_built(void)
{
	return true;
}

void seg_notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void seg_notify_extend(int64_t time)
{
	sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRId64, time / 1000);
}

void seg_notify_reloading(void)
{
	/* Units with Type=notify-reload tell this reload from earlier ones by the time. */
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

void seg_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void seg_notify_status(const char *format, ...)
{
	char text[STATUS_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sd_notifyf(0, "STATUS=%s", text);
}

int64_t seg_notify_watchdog(void)
{
	uint64_t us = 0;
	return sd_watchdog_enabled(0, &us) > 0 ? (int64_t)us * 1000 : 0;
}

void seg_notify_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}

#else /* built without libsystemd */

bool seg_notify_is_built(void)
{
	return false;
}

void seg_notify_ready(void)
{
}

void seg_notify_extend(int64_t time)
{
	(void)time;
}

void seg_notify_reloading(void)
{
}

void seg_notify_stopping(void)
{
}

void seg_notify_status(const char *format, ...)
{
	(void)format;
}

int64_t seg_notify_watchdog(void)
{
	return 0;
}

void seg_notify_alive(void)
{
}

#endif
