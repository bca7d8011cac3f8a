#include "base/random.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

uint64_t seg_random(void)
{
	uint64_t value;
	/* A request of up to 256 bytes is never cut and, after boot, never blocks: random(7). */
	if (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value)) {
		struct timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		value = (uint64_t)t.tv_nsec * 0x9E3779B97F4A7C15u ^ (uintptr_t)&t;
	}
	return value;
}

void seg_random_hex(char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned)(seg_random() & 0xff));
}

int64_t seg_backoff(int64_t base, int64_t cap, unsigned attempt)
{
	int64_t pause = base;
	for (unsigned i = 1; i < attempt && pause < cap; i++)
		pause *= 2;
	if (pause > cap)
		pause = cap;
	if (pause < 2)
		return pause;
	return pause / 2 + (int64_t)(seg_random() % (uint64_t)(pause / 2 + 1));
}
