/* fleet.h - several groups of several streams, looked at again and again. */
#ifndef CTL_FLEET_H
#define CTL_FLEET_H

#include "snapshot.h"

typedef struct ctl_fleet_group {
	seg_stream *stream;
	char name[SEG_NAME_MAX + 1];
	bool known;           /* there is a snapshot */
	ctl_snapshot now;     /* with rates, from the second one on */
	double sample;        /* seconds that these are of; 0: there are none */
	ctl_snapshot past[2]; /* what they are measured from, and what will take its place */
	ctl_totals sum;
	bool wrong; /* something should be done about one of its partitions */
} ctl_fleet_group;

typedef struct ctl_fleet {
	ctl_fleet_group *groups; /* by stream, then by name */
	size_t count;
} ctl_fleet;

/*
 * Finds the groups: all, or those of one stream, or one of them. What was known of those that are found stays
 * known. 0, or an exit code, its reason printed; then some may lack.
 */
int ctl_fleet_find(ctl_context *context, const char *stream, const char *group, ctl_fleet *fleet);

/* Takes a snapshot of each. 0, or an exit code; what was known before stays. */
int ctl_fleet_look(ctl_fleet *fleet);

void ctl_fleet_free(ctl_fleet *fleet);

#endif
