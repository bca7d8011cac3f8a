#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "diagnosis.h"
#include "directory.h"

#define RATE_WINDOW (5 * SEG_SECOND)

static ctl_fleet_group *find(ctl_fleet *fleet, const char *stream, const char *name)
{
	for (size_t i = 0; i < fleet->count; i++)
		if (strcmp(seg_stream_name(fleet->groups[i].stream), stream) == 0 &&
		    strcmp(fleet->groups[i].name, name) == 0)
			return &fleet->groups[i];
	return NULL;
}

/* Each group opens its stream itself, so that groups come and go independently. */
static int add_group(ctl_context *context, const char *stream, const char *name, ctl_fleet *old,
		     ctl_fleet *new)
{
	new->groups = ctl_reallocate(new->groups, new->count + 1, sizeof(*new->groups));
	ctl_fleet_group *group = &new->groups[new->count], *before = find(old, stream, name);
	*group = (ctl_fleet_group){0};
	snprintf(group->name, sizeof(group->name), "%s", name);
	int exit_code = ctl_open_stream(context, stream, &group->stream);
	if (exit_code)
		return exit_code;
	new->count++;
	if (before) {
		seg_stream *stream_opened = group->stream;
		*group = *before;
		group->stream = stream_opened;
		before->now = before->past[0] = before->past[1] = (ctl_snapshot){0};
	}
	return EX_OK;
}

static int add_stream(ctl_context *context, const char *stream, const char *only, ctl_fleet *old,
		      ctl_fleet *new)
{
	ctl_keys names = {0};
	if (only)
		return add_group(context, stream, only, old, new);
	int exit_code = ctl_directory_groups(context, stream, &names);
	/* Only another program can have written a name that no group can have. */
	for (size_t i = 0; i < names.count && exit_code == EX_OK; i++)
		if (seg_name_check("group", names.list[i], NULL) == 0)
			exit_code = add_group(context, stream, names.list[i], old, new);
	ctl_keys_free(&names);
	return exit_code;
}

/* Says so if it does not exist. */
static int check_stream(ctl_context *context, const char *name)
{
	seg_stream *stream = NULL;
	int exit_code = ctl_open_stream(context, name, &stream);
	seg_stream_close(stream);
	return exit_code;
}

int ctl_fleet_find(ctl_context *context, const char *stream, const char *group, ctl_fleet *fleet)
{
	ctl_fleet found = {.deadline = fleet->deadline};
	ctl_keys streams = {0};
	int exit_code = EX_OK;
	if (stream)
		ctl_keys_add(&streams, stream, strlen(stream));
	else
		exit_code = ctl_directory_streams(context, &streams);
	for (size_t i = 0; i < streams.count && exit_code == EX_OK; i++)
		exit_code = add_stream(context, streams.list[i], group, fleet, &found);
	if (exit_code == EX_OK && stream && found.count == 0)
		exit_code = check_stream(context, stream);
	ctl_keys_free(&streams);
	ctl_fleet_free(fleet);
	*fleet = found;
	return exit_code;
}

static bool is_wrong(const ctl_fleet_group *group)
{
	ctl_diagnosis diagnosis;
	bool wrong = false;
	for (uint32_t p = 0; p < group->now.partition_count && !wrong; p++) {
		ctl_diagnose(&group->now, p, seg_stream_name(group->stream), group->name, group->sample,
			     &diagnosis);
		wrong = diagnosis.wrong;
	}
	return wrong;
}

/* Rates are measured over the last 5 to 10 seconds, because commits of large batches come in jumps. */
static void put_aside(ctl_fleet_group *group, int64_t now)
{
	if (group->known && group->past[0].taken == 0) {
		group->past[0] = group->now;
	} else if (group->known && group->past[1].taken == 0) {
		group->past[1] = group->now;
	} else if (group->known && now - group->past[1].taken >= RATE_WINDOW) {
		ctl_snapshot_free(&group->past[0]);
		group->past[0] = group->past[1];
		group->past[1] = group->now;
	} else {
		ctl_snapshot_free(&group->now);
	}
}

int ctl_fleet_look(ctl_fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++) {
		ctl_fleet_group *group = &fleet->groups[i];
		const seg_look what = {.oldest = true, .deadline = fleet->deadline};
		ctl_snapshot now;
		int exit_code = ctl_snapshot_look(group->stream, group->name, &what, &now);
		if (exit_code)
			return exit_code;
		put_aside(group, now.taken);
		group->sample = group->known ? (double)(now.taken - group->past[0].taken) / SEG_SECOND : 0;
		if (group->known)
			seg_group_snapshot_compare(&group->past[0], &now);
		group->now = now;
		group->known = true;
		group->sum = ctl_snapshot_sum(&now);
		group->wrong = is_wrong(group);
	}
	return EX_OK;
}

void ctl_fleet_free(ctl_fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++) {
		ctl_snapshot_free(&fleet->groups[i].now);
		ctl_snapshot_free(&fleet->groups[i].past[0]);
		ctl_snapshot_free(&fleet->groups[i].past[1]);
		seg_stream_close(fleet->groups[i].stream);
	}
	free(fleet->groups);
	*fleet = (ctl_fleet){0};
}
