/* notify_missing.c - in place of notify.c where libsystemd was not there at build time. */
#include "host/notify.h"

bool seg_notify_is_built(void)
{
	return false;
}

void seg_notify_ready(void)
{
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
