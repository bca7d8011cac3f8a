/* group_info.h - a group's description from the library, with a hint on errors, and its totals. */
#ifndef CTL_GROUP_INFO_H
#define CTL_GROUP_INFO_H

#include <stdint.h>

#include <segmenter/segmenter.h>

/* 0, or an exit code after one line on standard error. Free with seg_group_info_free. */
int ctl_group_info_read(seg_stream *stream, const char *group, seg_group_info **info);

typedef struct ctl_group_totals {
	int64_t lag; /* -1: some partition's lag is unknown */
	uint64_t dead_letters;
	uint32_t owned; /* partitions */
} ctl_group_totals;

ctl_group_totals ctl_group_info_sum(const seg_group_info *info);

#endif
