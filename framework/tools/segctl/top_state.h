/* top_state.h - what the screen of `segctl top` shows: the level, the rows, and the selection of each listing. One thread. */
#ifndef CTL_TOP_STATE_H
#define CTL_TOP_STATE_H

#include "fleet.h"
#include "top_rows.h"

enum { CTL_TOP_FILTER_MAX = 40 };

typedef enum { CTL_TOP_GROUPS, CTL_TOP_PARTITIONS, CTL_TOP_DETAILS } ctl_top_level;

/* The selection and the order of a listing; each level keeps its own. */
typedef struct {
	size_t selected, first; /* rows */
	int column;
	bool reverse;
	char filter[CTL_TOP_FILTER_MAX + 1];
} ctl_top_view;

typedef struct {
	ctl_fleet fleet;
	ctl_top_level level, lowest;
	ctl_top_view listings[2];
	char at_stream[SEG_NAME_MAX + 1], at_group[SEG_NAME_MAX + 1]; /* the group that is open */
	uint32_t at_partition;
	ctl_top_row *rows; /* free() them at the end */
	size_t count;
	bool typing;  /* keys go to the filter */
	bool helping; /* the keys are explained */
	bool colored;
	char trouble[SEG_ERROR_TEXT_MAX]; /* of the server, or of the newest reading */
} ctl_top_state;

/* The group that is open; NULL if it is gone, or cannot be read. */
const ctl_fleet_group *ctl_top_group(const ctl_top_state *top);

/* Why the group that is open, or its stream, cannot be read; NULL if it can. */
const char *ctl_top_unreadable(const ctl_top_state *top);

/* The listing that is shown, or from which the details were opened; and its columns. */
ctl_top_view *ctl_top_listing(ctl_top_state *top);
const ctl_top_column *ctl_top_columns(const ctl_top_state *top);

/* Makes the rows of the listing from what was read last. */
void ctl_top_make_rows(ctl_top_state *top);

#endif
