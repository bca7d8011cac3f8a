/*
 * clock.h - the clock that leases, timers and timeouts are judged by.
 *
 * CLOCK_BOOTTIME: it never steps, and unlike CLOCK_MONOTONIC it goes on while the machine
 * is suspended, so an owner that slept past its lease finds that out.
 */
#ifndef SEG_BASE_CLOCK_H
#define SEG_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SEG_MS ((int64_t)1000000)
#define SEG_SECOND ((int64_t)1000000000)
#define SEG_NEVER INT64_MAX

/* Nanoseconds since boot. */
static inline int64_t seg_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * SEG_SECOND + t.tv_nsec;
}

/* Nanoseconds since 1970, for people and for logs only. */
static inline int64_t seg_wall_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * SEG_SECOND + t.tv_nsec;
}

/* The poll or epoll timeout until `when`, rounded up, -1 for SEG_NEVER. */
static inline int seg_poll_timeout(int64_t when, int64_t now)
{
	if (when == SEG_NEVER)
		return -1;
	if (when <= now)
		return 0;
	int64_t ms = (when - now + SEG_MS - 1) / SEG_MS;
	return ms > 3600000 ? 3600000 : (int)ms;
}

#endif
