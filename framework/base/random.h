/* random.h - unpredictable bits for nonces and names, and jitter for backoff. Any thread. */
#ifndef SEG_BASE_RANDOM_H
#define SEG_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* 64 bits from the kernel. */
uint64_t seg_random(void);

/* Writes `bytes` random bytes as 2 * bytes hexadecimal digits and a NUL. */
void seg_random_hex(char *text, size_t bytes);

/*
 * The pause before attempt `attempt` (1, 2, ...): base doubled each time up to cap, then a
 * uniform draw from the upper half, so that those who failed together do not return together
 * ("equal jitter", AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
 */
int64_t seg_backoff(int64_t base, int64_t cap, unsigned attempt);

#endif
