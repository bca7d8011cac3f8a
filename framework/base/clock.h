/*
 * clock.h - the clock for leases, timers and timeouts. Any thread.
 *
 * It is CLOCK_BOOTTIME, which never steps. Unlike CLOCK_MONOTONIC it also runs while the machine is
 * suspended, so an owner notices that its lease ended during a suspend.
 */
#ifndef SEG_BASE_CLOCK_H
#define SEG_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Durations and times are in nanoseconds. */
#define SEG_MS ((int64_t)1000000)
#define SEG_SECOND ((int64_t)1000000000)
#define SEG_NEVER INT64_MAX

/* The duration, or the limit that it exceeds. */
static inline int64_t seg_duration_within(int64_t duration, int64_t least, int64_t most)
{
	return duration < least ? least : duration > most ? most : duration;
}

/* Nanoseconds since boot. */
static inline int64_t seg_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * SEG_SECOND + t.tv_nsec;
}

/* The next time after `time` that is a multiple of `interval`: all processes of a machine get the same. */
static inline int64_t seg_next_full(int64_t time, int64_t interval)
{
	return (time / interval + 1) * interval;
}

/* Nanoseconds since 1970. This clock can step: use it only for logs and for people. */
static inline int64_t seg_wall_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * SEG_SECOND + t.tv_nsec;
}

/*
 * The timeout for poll or epoll, in ms, from `now` until `when`: rounded up, at most an hour; -1 for
 * SEG_NEVER.
 */
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
