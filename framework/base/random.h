/* random.h - random bits for ids and names, and backoff with jitter. Any thread. */
#ifndef SEG_BASE_RANDOM_H
#define SEG_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* 64 bits from the kernel. */
uint64_t seg_random(void);

/* Writes `bytes` random bytes as 2 * bytes hexadecimal digits and a NUL. */
void seg_random_hex(char *text, size_t bytes);

/*
 * The pause before attempt `attempt` (1, 2, ...), in the unit of base and cap: base doubles with each attempt
 * up to cap; the result is drawn uniformly from the upper half, so that clients that failed together do not
 * retry together ("equal jitter", AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
 */
int64_t seg_backoff(int64_t base, int64_t cap, unsigned attempt);

#endif
