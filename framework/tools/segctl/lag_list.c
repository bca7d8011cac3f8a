#include "lag_list.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/plural.h"
#include "table.h"
#include "text.h"

/* --- columns: some only of a listing of several groups, some only of a cluster ---------------------- */

static const ctl_column columns_of_groups[] = {{"stream", "STREAM", false}, {"group", "GROUP", false}};
static const ctl_column columns_of_cluster[] = {{"node", "NODE", false}, {"unreachable", NULL, true}};
static const ctl_column columns[] = {
	{"partition", "PARTITION", true},
	{"owner", "OWNER", false},
	{"owned", NULL, true},
	{"target", NULL, false},
	{"epoch", "EPOCH", true},
	{"position", "POSITION", false},
	{"last_id", NULL, false},
	{"lag", "LAG", true},
	{"lag_seconds", "BEHIND", true},
	{"rate", "RATE/S", true},
	{"catch_up_seconds", "CAUGHT UP IN", true},
	{"crashes", "CRASHES", true},
	{"attempts", "ATTEMPTS", true},
	{"dead_letters", "DEAD", true},
	{"dead_letters_dropped", NULL, true},
	{"dropped", NULL, true},
	{"lost", "LOST", true},
	{"retry_reason", NULL, false},
	{"retry_in_seconds", NULL, true},
	{"beyond", NULL, true},
	{"values", NULL, true},
	{"lanes_busy", NULL, true},
	{"slots_waiting", NULL, true},
	{NULL, NULL, false},
};

enum { GROUP_COLUMNS = 2, CLUSTER_COLUMNS = 2, COLUMNS = sizeof(columns) / sizeof(columns[0]) };

typedef struct {
	ctl_column columns[GROUP_COLUMNS + CLUSTER_COLUMNS + COLUMNS];
	bool named, cluster;
	ctl_form form;
	ctl_table *table;
} listing;

static void begin(listing *l, bool named, bool cluster, ctl_form form)
{
	size_t count = 0;
	*l = (listing){.named = named, .cluster = cluster, .form = form};
	for (size_t i = 0; named && i < GROUP_COLUMNS; i++)
		l->columns[count++] = columns_of_groups[i];
	for (size_t i = 0; cluster && i < CLUSTER_COLUMNS; i++)
		l->columns[count++] = columns_of_cluster[i];
	memcpy(&l->columns[count], columns, sizeof(columns));
	l->table = ctl_table_create(l->columns);
}

static void put_name(ctl_table *table, const char *name)
{
	if (*name)
		ctl_table_text(table, name);
	else
		ctl_table_none(table);
}

/* People see that the owner is dead. */
static void put_owner(const listing *l, const seg_partition_info *info, bool owned)
{
	char text[sizeof(info->owner) + 8];
	snprintf(text, sizeof(text), "%s%s", info->owner,
		 *info->owner && !owned && l->form == CTL_FORM_TABLE ? " (dead)" : "");
	put_name(l->table, text);
	ctl_table_number(l->table, owned);
}

static void put_if_known(ctl_table *table, double value, bool duration)
{
	if (value < 0)
		ctl_table_none(table);
	else if (duration)
		ctl_table_duration(table, value);
	else
		ctl_table_real(table, value);
}

/* From the position on: it is with the messages, on a node that does not answer. */
static void put_unknown(ctl_table *table)
{
	const ctl_column *column = columns;
	while (strcmp(column->name, "position") != 0)
		column++;
	for (; column->name; column++)
		ctl_table_none(table);
}

static void put_partition(const listing *l, const ctl_snapshot *snapshot, uint32_t i)
{
	char id[SEG_ID_TEXT_MAX];
	ctl_table *table = l->table;
	const ctl_partition *p = &snapshot->partitions[i];
	const seg_partition_info *info = &p->info;
	if (l->cluster) {
		ctl_table_text(table, p->node);
		ctl_table_number(table, p->unreachable);
	}
	ctl_table_number(table, info->partition);
	put_owner(l, info, seg_group_snapshot_owned(snapshot, i));
	put_name(table, info->target);
	ctl_table_number(table, (int64_t)info->epoch);
	if (p->unreachable) {
		put_unknown(table);
		return;
	}
	ctl_table_text(table, seg_id_format(info->position, id));
	ctl_table_text(table, seg_id_format(info->last, id));
	if (info->lag < 0)
		ctl_table_none(table);
	else
		ctl_table_number(table, info->lag);
	put_if_known(table, p->behind, true);
	put_if_known(table, p->rate, false);
	put_if_known(table, p->catch_up, true);
	ctl_table_number(table, p->crashes);
	ctl_table_number(table, ctl_snapshot_attempts(p));
	ctl_table_number(table, (int64_t)info->dead_letters);
	ctl_table_number(table, (int64_t)p->letters_dropped);
	ctl_table_number(table, (int64_t)info->dropped);
	ctl_table_number(table, (int64_t)info->lost);
	put_name(table, ctl_snapshot_retries(p) ? p->hindrance.text : "");
	put_if_known(table, ctl_snapshot_retries(p) ? ctl_snapshot_retry_in(p) : -1, true);
	ctl_table_number(table, (int64_t)p->beyond);
	ctl_table_number(table, (int64_t)p->values);
	ctl_table_number(table, p->lanes_busy);
	ctl_table_number(table, p->slots_waiting);
}

static void put_group(const listing *l, const char *stream, const char *group, const ctl_snapshot *snapshot)
{
	for (uint32_t p = 0; p < snapshot->partition_count; p++) {
		if (l->named) {
			ctl_table_text(l->table, stream);
			ctl_table_text(l->table, group);
		}
		put_partition(l, snapshot, p);
	}
}

static void end(listing *l, bool one_line)
{
	if (l->form == CTL_FORM_JSON)
		ctl_json_print(ctl_table_json(l->table), one_line, stdout);
	else
		ctl_table_print(l->table, l->form, "", stdout);
	ctl_table_destroy(l->table);
}

/* --- one group ------------------------------------------------------------------------------------- */

static void print_hindrances(const ctl_snapshot *snapshot)
{
	char text[SEG_HINDRANCE_SENTENCE_MAX];
	for (uint32_t p = 0; p < snapshot->partition_count; p++)
		if (snapshot->partitions[p].hindrance.kind)
			ctl_say("Partition %" PRIu32 ": %s\n", snapshot->partitions[p].info.partition,
				seg_hindrance_sentence(&snapshot->partitions[p].hindrance, seg_now(), text));
}

static void print_lanes(const ctl_snapshot *snapshot)
{
	char text[CTL_LANES_TEXT_MAX];
	for (uint32_t p = 0; p < snapshot->partition_count; p++)
		if (ctl_snapshot_lanes(&snapshot->partitions[p], text))
			ctl_say("Partition %" PRIu32 ": %s\n", snapshot->partitions[p].info.partition, text);
}

static void print_totals(const ctl_snapshot *snapshot)
{
	ctl_totals sum = ctl_snapshot_sum(snapshot);
	char count[CTL_TEXT_MAX], text[CTL_TEXT_MAX], waiting[CTL_WAITING_TEXT_MAX];
	ctl_say("\nLive members: %zu, owning %" PRIu32 " of %" PRIu32 " partition%s; %s",
		snapshot->roster.live, sum.owned, snapshot->partition_count,
		seg_plural(snapshot->partition_count), ctl_totals_waiting(&sum, waiting));
	if (sum.beyond > 0)
		ctl_say(" (%s of them done already)", ctl_count_text(sum.beyond, count));
	if (sum.behind > 0)
		ctl_say(", the oldest for %s", ctl_duration_text(sum.behind, text));
	if (sum.rate >= 0)
		ctl_say("; %.1f/s handled", sum.rate);
	putchar('\n');
	ctl_snapshot_print_unreachable(snapshot);
	print_hindrances(snapshot);
	print_lanes(snapshot);
}

void ctl_lag_list_print(const ctl_snapshot *snapshot, ctl_form form, bool one_line)
{
	listing l;
	begin(&l, false, *snapshot->partitions[0].node, form);
	put_group(&l, NULL, NULL, snapshot);
	end(&l, one_line);
	if (form == CTL_FORM_TABLE)
		print_totals(snapshot);
}

/* --- several groups ---------------------------------------------------------------------------------- */

bool ctl_lag_list_view(const ctl_snapshot *snapshot, int64_t partition, ctl_snapshot *view)
{
	*view = *snapshot;
	/* The group cannot be read. */
	if (snapshot->partition_count == 0)
		return false;
	if (partition < 0)
		return true;
	if (partition >= (int64_t)snapshot->partition_count)
		return false;
	view->partitions += partition;
	view->partition_count = 1;
	return true;
}

static void print_for_people(const ctl_fleet *fleet, int64_t partition)
{
	bool first = true;
	for (size_t i = 0; i < fleet->count; i++) {
		const ctl_fleet_group *group = &fleet->groups[i];
		ctl_snapshot view;
		if (!ctl_lag_list_view(&group->now, partition, &view))
			continue;
		ctl_say("%s%s of %s\n\n", first ? "" : "\n", group->name, seg_stream_name(group->stream));
		ctl_lag_list_print(&view, CTL_FORM_TABLE, false);
		first = false;
	}
	if (first)
		puts(fleet->count > 0 ? "No group can be shown" : "There are no groups");
}

static bool is_of_cluster(const ctl_fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		if (fleet->groups[i].known)
			return *fleet->groups[i].now.partitions[0].node;
	return false;
}

void ctl_lag_list_print_fleet(const ctl_fleet *fleet, ctl_form form, bool one_line, int64_t partition)
{
	listing l;
	if (form == CTL_FORM_TABLE) {
		print_for_people(fleet, partition);
		return;
	}
	begin(&l, true, is_of_cluster(fleet), form);
	for (size_t i = 0; i < fleet->count; i++) {
		const ctl_fleet_group *group = &fleet->groups[i];
		ctl_snapshot view;
		if (ctl_lag_list_view(&group->now, partition, &view))
			put_group(&l, seg_stream_name(group->stream), group->name, &view);
	}
	end(&l, one_line);
}
