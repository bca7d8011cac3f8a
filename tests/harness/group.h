/*
 * group.h - what a group looks like from outside, and waiting for it to look so. Waits are bounded and fail the test.
 */
#ifndef TEST_HARNESS_GROUP_H
#define TEST_HARNESS_GROUP_H

#include <segmenter/segmenter.h>

/* Freed with seg_group_info_free; NULL as long as there is no such group. */
seg_group_info *test_group_describe(const char *address, const char *stream, const char *group);

/* Until `members` members share all partitions: each partition is owned by whom it shall be owned by. */
void test_group_wait_balanced(const char *address, const char *stream, const char *group, uint32_t members);

/* Until everything that was sent is committed. */
void test_group_wait_drained(const char *address, const char *stream, const char *group);

/* How many dead letters its partitions hold; 0 where there is no such group. */
uint64_t test_group_dead_letters(const char *address, const char *stream, const char *group);

#endif
