/* member.h - a member made by hand, for tests of its parts: no thread, no Redis. */
#ifndef TEST_HARNESS_MEMBER_H
#define TEST_HARNESS_MEMBER_H

#include "group/state.h"

/* All its partitions are active. Everything else is zero, and is the test's to set up. */
seg_member *test_member_make(uint32_t partitions);

/* Gives it routes to Redis. As long as they are not ticked, they do not connect. */
void test_member_give_routes(seg_member *member);

/* With its routes, if it has any. */
void test_member_free(seg_member *member);

#endif
