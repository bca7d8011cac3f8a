/*
 * retry.h - how often, and when, a message that failed is handed over again. Pure.
 *
 * Between the attempts its partition waits, so that order is kept; others go on.
 */
#ifndef SEG_WORK_RETRY_H
#define SEG_WORK_RETRY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct seg_retry_policy {
	uint32_t max_attempts; /* 0: for ever */
	int64_t backoff;       /* ns before the second attempt; doubled before each further one */
	int64_t backoff_max;   /* ns */
} seg_retry_policy;

/* Whether a message that has failed `attempts` times is given up. */
static inline bool seg_retry_exhausted(const seg_retry_policy *policy, uint32_t attempts)
{
	return policy->max_attempts && attempts >= policy->max_attempts;
}

/*
 * Owners that died while they handled a message count as attempts too. Two of them are needed to suspect a message
 * at all; after that each one is marked in Redis before it is handed over. `marked` counts the marks, the
 * coming one included.
 */
static inline bool seg_retry_deadly(const seg_retry_policy *policy, uint32_t marked)
{
	uint32_t unmarked = 2;
	if (policy->max_attempts == 0)
		return false;
	return marked > (policy->max_attempts > unmarked ? policy->max_attempts - unmarked : 1);
}

#endif
