/* totals.h - a group in a few figures: the sums and extremes over the partitions of a snapshot. Any thread. */
#ifndef SEG_LOOK_TOTALS_H
#define SEG_LOOK_TOTALS_H

#include "look/snapshot.h"

/* What is negative is not known: of no partition, or, of the lag, not of all. */
typedef struct seg_group_totals {
	int64_t lag;             /* messages that are not committed */
	double behind;           /* seconds: the longest wait of an uncommitted message; 0: none waits */
	double committed, added; /* messages per second, over the partitions of which they are known */
	uint64_t dead_letters;
	uint64_t
		dead_letters_ever; /* also those that made room for later ones, but not those that people removed */
} seg_group_totals;

void seg_group_totals_of(const seg_group_snapshot *snapshot, seg_group_totals *totals);

#endif
