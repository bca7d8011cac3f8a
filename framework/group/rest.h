/*
 * rest.h - partitions in which nothing can happen rest: the agent's rounds pass over them.
 *
 * A round looks at each partition, for whatever may have happened to it. With 10,000 partitions that takes a millisecond, for each
 * message of any of them. So a partition rests once nothing can happen to it unless the doorbell rings: it is owned, all that has
 * come is handled and committed, its worker does nothing by itself, no call of it is under way, and its log rings.
 *
 * It wakes when its log rings. All wake when a note says that ownerships may have changed, when the member stops, when the doorbell
 * does not ring, and once a second, so that no oversight lasts.
 *
 * `awake` of the member has all active partitions that do not rest. The agent only.
 */
#ifndef SEG_GROUP_REST_H
#define SEG_GROUP_REST_H

#include "group/state.h"

/* 0 or SEG_ENOMEM. */
int seg_rest_init(seg_member *member);
void seg_rest_fini(seg_member *member);

/* The log of the partition has rung. */
void seg_rest_wake(seg_partition *partition);

/* The list `active` has changed, or anything may have happened to any partition. */
void seg_rest_wake_all(seg_member *member);

/* At the beginning of a round: wakes all partitions if that is due. quiet: partitions may rest. */
void seg_rest_begin(seg_member *member, bool quiet, int64_t now);

/* At the end of a round: lets partitions rest. Returns when one of those that rest needs a step, and all may wake for it. */
int64_t seg_rest_end(seg_member *member, bool quiet, int64_t now);

#endif
