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
 * Messages that kill the process. A death counts as an attempt. The first deaths only tell that one of the messages in flight
 * is to blame: after so many of them in a row, messages are handled one at a time. A single crash is most often no message's
 * fault, and handling one at a time is slow; so it takes two, unless that would use up all attempts.
 */
static inline uint32_t seg_retry_deaths_before_isolation(const seg_retry_policy *policy)
{
	return policy->max_attempts == 1 || policy->max_attempts == 2 ? 1 : 2;
}

/* The deaths after which a message is dead-lettered; 0: no limit. */
static inline uint32_t seg_retry_deaths_most(const seg_retry_policy *policy)
{
	return policy->max_attempts == 1 ? 2 : policy->max_attempts;
}

/*
 * Whether a message is dead-lettered after so many deaths, those before the isolation included. No message is, before it has
 * killed the process alone: so with max_attempts = 1 it takes two.
 */
static inline bool seg_retry_deadly(const seg_retry_policy *policy, uint32_t deaths)
{
	return policy->max_attempts && deaths >= seg_retry_deaths_most(policy);
}

#endif
