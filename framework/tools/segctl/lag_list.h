/* lag_list.h - snapshots of groups as a listing: a row for each partition. */
#ifndef CTL_LAG_LIST_H
#define CTL_LAG_LIST_H

#include "fleet.h"

/* One group. In a table for people, a line of totals stands below. one_line: JSON without line breaks. */
void ctl_lag_list_print(const ctl_snapshot *snapshot, ctl_form form, bool one_line);

/*
 * Several groups. People get a table for each, under its name; machines get one document, in which each row names its
 * stream and its group. partition: only this one; -1: all.
 */
void ctl_lag_list_print_fleet(const ctl_fleet *fleet, ctl_form form, bool one_line, int64_t partition);

/* A snapshot that has only this partition of another, from which it borrows. False if there is no such partition. */
bool ctl_lag_list_view(const ctl_snapshot *snapshot, int64_t partition, ctl_snapshot *view);

#endif
