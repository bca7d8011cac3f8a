/*
 * group.h - reads a group's state as an outsider, and waits for a state. Each wait is bounded, and fails the
 * test at its bound.
 */
#ifndef TEST_HARNESS_GROUP_H
#define TEST_HARNESS_GROUP_H

#include <segmenter/segmenter.h>

/* The caller frees it with seg_group_info_free; NULL while the group does not exist. */
seg_group_info *test_group_describe(const char *address, const char *stream, const char *group);

/* Waits until `members` members share all partitions: the owner of each partition is its target. */
void test_group_wait_balanced(const char *address, const char *stream, const char *group, uint32_t members);

/* Waits until every message that was sent is committed: 30 s after the newest commit at most, and 120 s in all. */
void test_group_wait_drained(const char *address, const char *stream, const char *group);

/* How many dead letters the group's partitions hold; 0 if there is no such group. */
uint64_t test_group_dead_letters(const char *address, const char *stream, const char *group);

#endif
