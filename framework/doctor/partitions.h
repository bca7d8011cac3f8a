/*
 * partitions.h - reads what a stream's partitions hold, in pipelined rounds, and sums it up. Changes nothing in Redis. One
 * thread.
 */
#ifndef SEG_DOCTOR_PARTITIONS_H
#define SEG_DOCTOR_PARTITIONS_H

#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

enum { SEG_GROUPS_LOOKED_AT = 64 };

/* Some partitions: how many, and the number of the first. */
typedef struct seg_some_partitions {
	uint32_t count, first;
} seg_some_partitions;

typedef struct seg_partition_sum {
	uint32_t exist;                  /* logs that Redis has */
	uint64_t messages;               /* in all of them */
	seg_some_partitions wrong_type;  /* their key holds something else than a stream */
	seg_some_partitions nearly_full; /* of messages that not every group has committed */
	seg_some_partitions
		without[SEG_GROUPS_LOOKED_AT]; /* exist without the group, in the order of the groups */
} seg_partition_sum;

/* Reads all partitions. count: of groups, at most SEG_GROUPS_LOOKED_AT. 0, or a status with an error. */
int seg_partition_sum_read(const seg_stream *stream, const char *const *groups, size_t count,
			   seg_partition_sum *sum, seg_error *error);

#endif
