#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "diagnosis.h"
#include "directory.h"

#define RATE_WINDOW (5 * SEG_SECOND)
#define FIND_INTERVAL (30 * SEG_SECOND)

static ctl_fleet_group *find(ctl_fleet *fleet, const char *stream, const char *name)
{
	for (size_t i = 0; i < fleet->count; i++)
		if (strcmp(seg_stream_name(fleet->groups[i].stream), stream) == 0 &&
		    strcmp(fleet->groups[i].name, name) == 0)
			return &fleet->groups[i];
	return NULL;
}

/*
 * Opens a stream; *stream is NULL where it cannot be used, or where it is gone since its name was read. only: it is the one that
 * was asked for; then these are errors, too.
 */
static int open_stream(ctl_context *context, const char *name, bool only, ctl_fleet *new, seg_stream **stream)
{
	seg_error error;
	*stream = NULL;
	if (only)
		return ctl_open_stream(context, name, stream);
	int status = ctl_try_stream(context, name, stream, &error);
	if (status == 0 || status == SEG_ENOTFOUND)
		return EX_OK;
	if (!ctl_is_unreadable(&error))
		return ctl_fail(&error);
	ctl_unreadables_add(&new->unreadable, name, "", &error);
	return EX_OK;
}

/* Each group opens its stream itself, so that groups come and go independently. */
static int add_group(ctl_context *context, const char *stream, bool only, const char *name, ctl_fleet *old,
		     ctl_fleet *new)
{
	seg_stream *opened;
	int exit_code = open_stream(context, stream, only, new, &opened);
	if (!opened)
		return exit_code;
	new->groups = ctl_reallocate(new->groups, new->count + 1, sizeof(*new->groups));
	ctl_fleet_group *group = &new->groups[new->count], *before = find(old, stream, name);
	*group = (ctl_fleet_group){0};
	snprintf(group->name, sizeof(group->name), "%s", name);
	new->count++;
	if (before) {
		*group = *before;
		before->now = before->past[0] = before->past[1] = (ctl_snapshot){0};
	}
	group->stream = opened;
	return EX_OK;
}

/* Without a group, too, a stream must be there, and be one. */
static int check_stream(ctl_context *context, const char *name, bool only, ctl_fleet *new)
{
	seg_stream *stream;
	int exit_code = open_stream(context, name, only, new, &stream);
	seg_stream_close(stream);
	return exit_code;
}

/* only: it is the one that was asked for. */
static int add_stream(ctl_context *context, const char *stream, bool only, ctl_fleet *old, ctl_fleet *new)
{
	ctl_keys names = {0};
	seg_error error;
	int exit_code = EX_OK;
	size_t added = new->count;
	if (ctl_directory_groups_read(context, stream, &names, &error)) {
		if (only || !ctl_is_unreadable(&error))
			return ctl_fail(&error);
		ctl_unreadables_add(&new->unreadable, stream, "", &error);
		return EX_OK;
	}
	/* Only another program can have written a name that no group can have. */
	for (size_t i = 0; i < names.count && exit_code == EX_OK; i++)
		if (seg_name_check("group", names.list[i], NULL) == 0)
			exit_code = add_group(context, stream, only, names.list[i], old, new);
	ctl_keys_free(&names);
	if (exit_code == EX_OK && new->count == added)
		exit_code = check_stream(context, stream, only, new);
	return exit_code;
}

int ctl_fleet_find(ctl_context *context, const char *stream, const char *group, ctl_fleet *fleet)
{
	ctl_fleet found = {.deadline = fleet->deadline,
			   .named = group != NULL,
			   .found_at = seg_now(),
			   .unreadable = fleet->unreadable};
	ctl_keys streams = {0};
	int exit_code = EX_OK;
	fleet->unreadable = (ctl_unreadables){0};
	ctl_unreadables_begin(&found.unreadable, false);
	if (!stream)
		exit_code = ctl_directory_streams(context, &streams);
	else if (group)
		exit_code = add_group(context, stream, true, group, fleet, &found);
	else
		exit_code = add_stream(context, stream, true, fleet, &found);
	for (size_t i = 0; i < streams.count && exit_code == EX_OK; i++)
		exit_code = add_stream(context, streams.list[i], false, fleet, &found);
	ctl_unreadables_end(&found.unreadable, false);
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

static void take(ctl_fleet_group *group, const ctl_snapshot *now)
{
	put_aside(group, now->taken);
	group->sample = group->known ? (double)(now->taken - group->past[0].taken) / SEG_SECOND : 0;
	group->now = *now;
	if (group->known)
		seg_group_snapshot_compare(&group->past[0], &group->now);
	group->known = true;
	group->sum = ctl_snapshot_sum(&group->now);
	group->wrong = is_wrong(group);
}

static void forget(ctl_fleet_group *group)
{
	ctl_snapshot_free(&group->now);
	ctl_snapshot_free(&group->past[0]);
	ctl_snapshot_free(&group->past[1]);
	group->known = false;
}

/* Sets *gone where the group is no longer there, and was not asked for. */
static int look_at(ctl_fleet *fleet, ctl_fleet_group *group, bool *gone)
{
	const seg_look what = {.oldest = true, .deadline = fleet->deadline};
	const char *stream = seg_stream_name(group->stream);
	ctl_snapshot now;
	seg_error error;
	int status = seg_group_snapshot_take(group->stream, group->name, &what, &now, &error);
	if (status == 0) {
		take(group, &now);
		return EX_OK;
	}
	*gone = status == SEG_ENOTFOUND && !fleet->named;
	if (*gone)
		return EX_OK;
	if (!ctl_is_unreadable(&error))
		return ctl_snapshot_fail(&error, stream);
	forget(group);
	ctl_unreadables_add(&fleet->unreadable, stream, group->name, &error);
	return EX_OK;
}

static void drop(ctl_fleet *fleet, size_t index)
{
	ctl_fleet_group *group = &fleet->groups[index];
	forget(group);
	seg_stream_close(group->stream);
	fleet->count--;
	memmove(group, group + 1, (fleet->count - index) * sizeof(*group));
}

int ctl_fleet_look(ctl_fleet *fleet)
{
	int exit_code = EX_OK;
	ctl_unreadables_begin(&fleet->unreadable, true);
	for (size_t i = 0; i < fleet->count && exit_code == EX_OK;) {
		bool gone = false;
		exit_code = look_at(fleet, &fleet->groups[i], &gone);
		if (gone)
			drop(fleet, i);
		else
			i++;
	}
	ctl_unreadables_end(&fleet->unreadable, true);
	return exit_code;
}

int ctl_fleet_follow(ctl_context *context, const char *stream, const char *group, ctl_fleet *fleet)
{
	int exit_code = EX_OK;
	if (fleet->count == 0 || seg_now() - fleet->found_at >= FIND_INTERVAL)
		exit_code = ctl_fleet_find(context, stream, group, fleet);
	return exit_code ? exit_code : ctl_fleet_look(fleet);
}

void ctl_fleet_free(ctl_fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++) {
		forget(&fleet->groups[i]);
		seg_stream_close(fleet->groups[i].stream);
	}
	free(fleet->groups);
	ctl_unreadables_free(&fleet->unreadable);
	*fleet = (ctl_fleet){0};
}
