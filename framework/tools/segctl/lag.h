/* lag.h - a snapshot of a group as a listing. */
#ifndef CTL_LAG_H
#define CTL_LAG_H

#include "snapshot.h"

/* One row a partition, and for people a line about all. one_line: JSON without line breaks. */
void ctl_lag_print(const ctl_snapshot *snapshot, ctl_form form, bool one_line);

#endif
