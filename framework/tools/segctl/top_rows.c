#include "top_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnosis.h"
#include "text.h"

const ctl_top_column ctl_top_group_columns[] = {
	{"STREAM", 15, false}, {"GROUP", 15, false}, {"LIVE", 4, true}, {"OWNED", 7, true}, {"LAG", 9, true},
	{"BEHIND", 10, true},  {"RATE/S", 8, true},  {"DEAD", 5, true}, {NULL, 0, false},
};

static const ctl_top_column partition_columns[] = {
	{"PART", 5, true},     {"OWNER", 15, false}, {"LAG", 10, true},
	{"BEHIND", 11, true},  {"RATE/S", 9, true},  {"CAUGHT UP", 11, true},
	{"ATTEMPTS", 8, true}, {"DEAD", 4, true},    {NULL, 0, false},
};

/* CAUGHT UP makes room for the node. */
static const ctl_top_column cluster_columns[] = {
	{"PART", 5, true},     {"OWNER", 12, false}, {"LAG", 9, true},
	{"BEHIND", 10, true},  {"RATE/S", 8, true},  {"NODE", 17, false},
	{"ATTEMPTS", 8, true}, {"DEAD", 4, true},    {NULL, 0, false},
};

const ctl_top_column *ctl_top_columns_of_partitions(const ctl_fleet_group *group)
{
	return group && *group->now.partitions[0].node ? cluster_columns : partition_columns;
}

/* --- cells: a negative number is not known ------------------------------------------------------ */

static void put_text(ctl_top_row *row, int cell, const char *text)
{
	snprintf(row->cells[cell], CTL_CELL_MAX, "%.*s", CTL_CELL_MAX - 1, *text ? text : "-");
	/* A name may be what any program wrote: a line break would move the cursor. */
	for (char *c = row->cells[cell]; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
}

static void put_count(ctl_top_row *row, int cell, int64_t count)
{
	row->values[cell] = (double)count;
	if (count < 0)
		put_text(row, cell, "?");
	else
		snprintf(row->cells[cell], CTL_CELL_MAX, "%" PRId64, count);
}

static void put_rate(ctl_top_row *row, int cell, double rate)
{
	row->values[cell] = rate;
	if (rate < 0)
		put_text(row, cell, "?");
	else
		snprintf(row->cells[cell], CTL_CELL_MAX, "%.*f", rate < 1000, rate);
}

static void put_duration(ctl_top_row *row, int cell, double seconds)
{
	char text[CTL_TEXT_MAX];
	/* An unknown duration sorts as the longest. */
	row->values[cell] = seconds < 0 ? 1e300 : seconds;
	put_text(row, cell, seconds < 0 ? "?" : ctl_duration_text(seconds, text));
}

/* --- rows ------------------------------------------------------------------------------------------ */

static bool matches(const ctl_top_row *row, int first, int last, const char *filter)
{
	bool found = !*filter;
	for (int i = first; i <= last && !found; i++)
		found = strcasestr(row->cells[i], filter) != NULL;
	return found;
}

static ctl_top_mood mood_of(bool wrong, const ctl_totals *sum)
{
	return wrong ? CTL_MOOD_WRONG : sum->lag ? CTL_MOOD_BUSY : CTL_MOOD_QUIET;
}

static void put_group(ctl_top_row *row, size_t index, const ctl_fleet_group *group)
{
	*row = (ctl_top_row){.index = index, .mood = mood_of(group->wrong, &group->sum)};
	put_text(row, 0, seg_stream_name(group->stream));
	put_text(row, 1, group->name);
	put_count(row, 2, (int64_t)group->now.roster.live);
	put_count(row, 3, group->sum.owned);
	snprintf(row->cells[3], CTL_CELL_MAX, "%" PRIu32 "/%" PRIu32, group->sum.owned,
		 group->now.partition_count);
	put_count(row, 4, group->sum.lag);
	put_duration(row, 5, group->sum.unreachable || group->sum.ahead > 0 ? -1 : group->sum.behind);
	put_rate(row, 6, group->sum.rate);
	put_count(row, 7, group->sum.unreachable ? -1 : (int64_t)group->sum.dead_letters);
}

/* Nothing but the names is known. */
static void put_unreadable(ctl_top_row *row, size_t index, const ctl_unreadable *unreadable)
{
	*row = (ctl_top_row){.index = index, .mood = CTL_MOOD_WRONG};
	put_text(row, 0, unreadable->stream);
	put_text(row, 1, *unreadable->group ? unreadable->group : "?");
	for (int cell = 2; cell < CTL_ROW_CELLS; cell++)
		put_count(row, cell, -1);
}

size_t ctl_top_group_rows(const ctl_fleet *fleet, const char *filter, ctl_top_row *rows)
{
	size_t count = 0;
	for (size_t i = 0; i < fleet->count; i++) {
		if (!fleet->groups[i].known)
			continue;
		put_group(&rows[count], i, &fleet->groups[i]);
		count += matches(&rows[count], 0, 1, filter);
	}
	for (size_t i = 0; i < fleet->unreadable.count; i++) {
		put_unreadable(&rows[count], fleet->count + i, &fleet->unreadable.list[i]);
		count += matches(&rows[count], 0, 1, filter);
	}
	return count;
}

size_t ctl_top_partition_rows(const ctl_fleet_group *group, const char *filter, ctl_top_row *rows)
{
	size_t count = 0;
	for (uint32_t p = 0; p < group->now.partition_count; p++) {
		const ctl_partition *partition = &group->now.partitions[p];
		ctl_top_row *row = &rows[count];
		ctl_diagnosis diagnosis;
		ctl_diagnose(&group->now, p, seg_stream_name(group->stream), group->name, group->sample,
			     &diagnosis);
		*row = (ctl_top_row){.index = p};
		row->mood = diagnosis.wrong      ? CTL_MOOD_WRONG
			    : partition->waiting ? CTL_MOOD_BUSY
						 : CTL_MOOD_QUIET;
		put_count(row, 0, p);
		put_text(row, 1, partition->info.owner);
		put_count(row, 2, partition->info.lag);
		put_duration(row, 3, partition->unreachable ? -1 : partition->behind);
		put_rate(row, 4, partition->rate);
		if (*partition->node)
			put_text(row, 5, partition->node);
		else
			put_duration(row, 5, partition->catch_up);
		put_count(row, 6, partition->unreachable ? -1 : (int64_t)ctl_snapshot_attempts(partition));
		put_count(row, 7, partition->unreachable ? -1 : (int64_t)partition->info.dead_letters);
		count += matches(row, 1, 1, filter);
	}
	return count;
}

/* --- sorting ------------------------------------------------------------------------------------------ */

typedef struct {
	int column;
	bool text, reverse;
} order;

static int compare(const void *a, const void *b, void *arg)
{
	const ctl_top_row *x = a, *y = b;
	const order *o = arg;
	int result = o->text ? strcmp(x->cells[o->column], y->cells[o->column])
			     : (x->values[o->column] < y->values[o->column]) -
				       (x->values[o->column] > y->values[o->column]);
	if (result)
		return o->reverse ? -result : result;
	return (x->index > y->index) - (x->index < y->index);
}

void ctl_top_sort(ctl_top_row *rows, size_t count, const ctl_top_column *columns, int column, bool reverse)
{
	order o = {column, !columns[column].right, reverse};
	qsort_r(rows, count, sizeof(*rows), compare, &o);
}
