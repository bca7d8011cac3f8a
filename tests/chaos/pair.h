/*
 * pair.h - the faults of the topology "single": a primary, and a replica that can take over from it. Main thread only.
 */
#ifndef CHAOS_PAIR_H
#define CHAOS_PAIR_H

#include "chaos/servers.h"

void chaos_pair_follow(const test_server *replica, const test_server *primary);

/* kill -9, and a restart on the same files after down_ms. */
void chaos_pair_crash(chaos_servers *servers, int down_ms);

/*
 * Makes the replica the primary once it has all of the primary's data; false if it did not catch up in time.
 */
bool chaos_pair_fail_over(chaos_servers *servers);

/*
 * Detaches the replica from the primary: it will lack everything written from now on. False if it did not
 * follow the primary, or not soon.
 */
bool chaos_pair_part(chaos_servers *servers);

/* Makes the detached replica the primary; reports for each partition of the stream "chaos" what that lost. */
void chaos_pair_promote(chaos_servers *servers, chaos_rollback *rollbacks, uint32_t partitions);

#endif
