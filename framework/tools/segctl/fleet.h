/* fleet.h - several groups of several streams, read repeatedly. */
#ifndef CTL_FLEET_H
#define CTL_FLEET_H

#include "snapshot.h"
#include "unreadable.h"

typedef struct ctl_fleet_group {
	seg_stream *stream;
	char name[SEG_NAME_MAX + 1];
	bool known; /* `now` holds a snapshot: not before the first look, nor while the group cannot be read */
	ctl_snapshot now;     /* with rates, from the second one on */
	double sample;        /* seconds that the rates were measured over; 0: there are none */
	ctl_snapshot past[2]; /* the snapshot that rates are measured from, and its successor */
	ctl_totals sum;
	bool wrong; /* an operator should act: the diagnosis of a partition says so */
} ctl_fleet_group;

typedef struct ctl_fleet {
	ctl_fleet_group *groups; /* by stream, then by name */
	size_t count;
	ctl_unreadables unreadable; /* streams and groups that are left out */
	bool named;                 /* one group, which was asked for */
	int64_t found_at;           /* seg_now() of the last search; 0: none */
	int64_t deadline; /* seg_now() by which ctl_fleet_look ends; 0: each reading has the client's timeout */
} ctl_fleet;

/*
 * Finds the groups: all, or those of one stream, or one group. Groups found again keep their snapshots. Of all streams, those
 * that cannot be read become `unreadable`. 0, or an exit code, its reason printed; then the fleet may lack groups.
 */
int ctl_fleet_find(ctl_context *context, const char *stream, const char *group, ctl_fleet *fleet);

/*
 * Takes a snapshot of each group; those that cannot be read become `unreadable`. One that is gone leaves the fleet, unless it was asked
 * for. 0, or an exit code, its reason printed; the groups after the failed one keep theirs.
 */
int ctl_fleet_look(ctl_fleet *fleet);

/* The same again and again: searches anew where there is no group, or where the last search was 30 s ago. */
int ctl_fleet_follow(ctl_context *context, const char *stream, const char *group, ctl_fleet *fleet);

void ctl_fleet_free(ctl_fleet *fleet);

#endif
