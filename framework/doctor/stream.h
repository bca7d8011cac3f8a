/* stream.h - judgements about a stream that both a stream's and a section's examination make. Pure; any thread. */
#ifndef SEG_DOCTOR_STREAM_H
#define SEG_DOCTOR_STREAM_H

#include "doctor/members.h"
#include "doctor/partitions.h"
#include "doctor/report.h"

/* An error of a question about a stream. */
void seg_judge_error(const char *check, const seg_error *error, seg_report *report);

/* Types and bounds of the partitions. */
void seg_judge_partitions(const seg_stream *stream, const seg_partition_sum *sum, seg_report *report);

/*
 * Reads the type of each key of the stream and of its groups, and reports those that hold another type; except the logs, which
 * seg_judge_partitions reports. usable[i], unless usable is NULL: the keys of group i that all partitions share are right.
 */
void seg_judge_keys(const seg_stream *stream, const char *const *groups, size_t count, bool *usable,
		    seg_report *report);

/* Whether the group is on every partition; `without` are those that lack it. */
void seg_judge_group(const seg_stream *stream, const char *group, const seg_partition_sum *sum,
		     seg_some_partitions without, seg_report *report);

#endif
