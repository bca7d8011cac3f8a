/*
 * retry_policy.h - how often a message that failed is handled again, and after which pause. Pure.
 *
 * The partition waits between the attempts, so that order is kept. Other partitions continue.
 */
#ifndef SEG_WORK_RETRY_POLICY_H
#define SEG_WORK_RETRY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct seg_retry_policy {
	uint32_t max_attempts; /* 0: no limit */
	int64_t backoff;       /* ns before the second attempt; doubled before each further attempt */
	int64_t backoff_max;   /* ns; the longest pause */
} seg_retry_policy;

/* Whether a message that has failed `attempts` times is dead-lettered. */
static inline bool seg_retry_exhausted(const seg_retry_policy *policy, uint32_t attempts)
{
	return policy->max_attempts && attempts >= policy->max_attempts;
}

/*
 * Whether a message that killed its owners is dead-lettered. A death counts as an attempt. The first two deaths leave no
 * mark: they only make the message suspect. From then on the worker marks the message in Redis before each attempt.
 * `marked` is the number of marks, with the mark of the coming attempt.
 */
static inline bool seg_retry_deadly(const seg_retry_policy *policy, uint32_t marked)
{
	uint32_t unmarked = 2;
	if (policy->max_attempts == 0)
		return false;
	return marked > (policy->max_attempts > unmarked ? policy->max_attempts - unmarked : 1);
}

#endif
