#include "top_state.h"

#include <string.h>

#include "memory.h"

const ctl_fleet_group *ctl_top_group(const ctl_top_state *t)
{
	for (size_t i = 0; i < t->fleet.count; i++) {
		const ctl_fleet_group *group = &t->fleet.groups[i];
		if (group->known && strcmp(group->name, t->at_group) == 0 &&
		    strcmp(seg_stream_name(group->stream), t->at_stream) == 0)
			return group;
	}
	return NULL;
}

const char *ctl_top_unreadable(const ctl_top_state *t)
{
	for (size_t i = 0; i < t->fleet.unreadable.count; i++) {
		const ctl_unreadable *one = &t->fleet.unreadable.list[i];
		if (strcmp(one->stream, t->at_stream) == 0 &&
		    (!*one->group || strcmp(one->group, t->at_group) == 0))
			return one->why.text;
	}
	return NULL;
}

ctl_top_view *ctl_top_listing(ctl_top_state *t)
{
	return &t->listings[t->level == CTL_TOP_GROUPS ? 0 : 1];
}

const ctl_top_column *ctl_top_columns(const ctl_top_state *t)
{
	const ctl_fleet_group *group = t->level == CTL_TOP_GROUPS ? NULL : ctl_top_group(t);
	return t->level == CTL_TOP_GROUPS ? ctl_top_group_columns : ctl_top_columns_of_partitions(group);
}

void ctl_top_make_rows(ctl_top_state *t)
{
	const ctl_fleet_group *group = ctl_top_group(t);
	ctl_top_view *l = ctl_top_listing(t);
	size_t all = t->fleet.count + t->fleet.unreadable.count;
	size_t room = t->level == CTL_TOP_GROUPS ? all : group ? group->now.partition_count : 0;
	t->rows = ctl_reallocate(t->rows, room, sizeof(*t->rows));
	if (t->level == CTL_TOP_GROUPS)
		t->count = ctl_top_group_rows(&t->fleet, l->filter, t->rows);
	else
		t->count = group ? ctl_top_partition_rows(group, l->filter, t->rows) : 0;
	ctl_top_sort(t->rows, t->count, ctl_top_columns(t), l->column, l->reverse);
	if (l->selected >= t->count)
		l->selected = t->count ? t->count - 1 : 0;
}
