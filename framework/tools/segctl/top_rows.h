/* top_rows.h - the rows of top's listings, filtered and sorted. Pure. */
#ifndef CTL_TOP_ROWS_H
#define CTL_TOP_ROWS_H

#include "fleet.h"

enum { CTL_ROW_CELLS = 8, CTL_CELL_MAX = 136 /* a member's name */ };

typedef struct ctl_top_column {
	const char *title;
	int width; /* 0 ends the columns; with a blank between two, all together fit in 80 */
	bool right;
} ctl_top_column;

extern const ctl_top_column ctl_top_group_columns[CTL_ROW_CELLS + 1];

/* On a cluster, they name the node of each partition. group NULL: those of a single server. */
const ctl_top_column *ctl_top_columns_of_partitions(const ctl_fleet_group *group);

typedef enum ctl_top_mood { CTL_MOOD_QUIET, CTL_MOOD_BUSY, CTL_MOOD_WRONG } ctl_top_mood;

typedef struct ctl_top_row {
	size_t index; /* of the group, or the partition; past the groups: of what cannot be read */
	char cells[CTL_ROW_CELLS][CTL_CELL_MAX];
	double values[CTL_ROW_CELLS]; /* the sort keys of numbers; texts are sorted by their cells */
	ctl_top_mood mood;
} ctl_top_row;

/*
 * Writes the rows that have the filter in a text cell, and returns how many. `rows` has room for all groups and what cannot be
 * read (partitions).
 */
size_t ctl_top_group_rows(const ctl_fleet *fleet, const char *filter, ctl_top_row *rows);
size_t ctl_top_partition_rows(const ctl_fleet_group *group, const char *filter, ctl_top_row *rows);

/* Sorts by a column, numbers largest first, or in reverse. Equal rows keep the order of their indexes. */
void ctl_top_sort(ctl_top_row *rows, size_t count, const ctl_top_column *columns, int column, bool reverse);

#endif
