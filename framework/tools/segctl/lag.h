/* lag.h - prints a snapshot of a group as a listing. */
#ifndef CTL_LAG_H
#define CTL_LAG_H

#include "snapshot.h"

/* One row for each partition; in a table for people, a line of totals below. one_line: JSON without line breaks. */
void ctl_lag_print(const ctl_snapshot *snapshot, ctl_form form, bool one_line);

#endif
