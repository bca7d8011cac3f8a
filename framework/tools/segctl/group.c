/* group.c - `segctl group`: lists groups, and describes their members. group_delete.c deletes them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/plural.h"
#include "command.h"
#include "directory.h"
#include "emitting.h"
#include "snapshot.h"
#include "table.h"
#include "text.h"

/* --- list --------------------------------------------------------------------------------------- */

static const ctl_column list_columns[] = {
	{"group", "GROUP", false},
	{"members", "MEMBERS", true},
	{"partitions_owned", "OWNED", true},
	{"partitions", "PARTITIONS", true},
	{"lag", "LAG", true},
	{"dead_letters", "DEAD LETTERS", true},
	{NULL, NULL, false},
};

static int list_one(seg_stream *stream, const char *group, ctl_table *table)
{
	ctl_snapshot snapshot;
	int exit_code = ctl_snapshot_take(stream, group, false, &snapshot);
	if (exit_code)
		return exit_code;
	ctl_totals sum = ctl_snapshot_sum(&snapshot);
	ctl_table_text(table, group);
	ctl_table_number(table, (int64_t)snapshot.roster.live);
	ctl_table_number(table, sum.owned);
	ctl_table_number(table, snapshot.partition_count);
	if (sum.lag < 0)
		ctl_table_none(table);
	else
		ctl_table_number(table, sum.lag);
	if (sum.unreachable)
		ctl_table_none(table);
	else
		ctl_table_number(table, (int64_t)sum.dead_letters);
	ctl_snapshot_free(&snapshot);
	return EX_OK;
}

static int list(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	char empty[256];
	ctl_keys names;
	int unreadable = EX_OK;
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_directory_groups(context, argv[0], &names);
	ctl_table *table = ctl_table_create(list_columns);
	for (size_t i = 0; i < names.count && exit_code == EX_OK; i++) {
		if (seg_name_check("group", names.list[i], NULL) == 0)
			exit_code = list_one(stream, names.list[i], table);
		/* It has its line on standard error. The others are listed. */
		if (exit_code == EX_PROTOCOL)
			unreadable = exit_code, exit_code = EX_OK;
	}
	snprintf(empty, sizeof(empty), "Stream \"%s\" has no %s", argv[0],
		 unreadable ? "other groups" : "groups; the first member to join creates its group");
	if (exit_code == EX_OK)
		ctl_table_print(table, context->form, empty, stdout);
	exit_code = exit_code ? exit_code : unreadable;
	ctl_table_destroy(table);
	ctl_keys_free(&names);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_group_list = {
	"group", "list", "STREAM", 1, 1, "Lists the groups of a stream", NULL, NULL, list,
};

/* --- describe --------------------------------------------------------------------------------------- */

static const ctl_column describe_columns[] = {
	{"member", "MEMBER", false},
	{"capacity", "CAPACITY", true},
	{"lease_left_seconds", "LEASE LEFT", true},
	{"owned", "OWNED", true},
	{"partitions", "PARTITIONS", false},
	{NULL, NULL, false},
};

/* "0 2 5": the partitions of an owner, which the caller frees. Returns their number. */
static int64_t list_owned(const ctl_snapshot *snapshot, const char *owner, char **text)
{
	size_t length, owned = 0;
	FILE *out = open_memstream(text, &length);
	if (!out)
		ctl_die(EX_OSERR, "out of memory");
	for (uint32_t p = 0; p < snapshot->partition_count; p++) {
		if (strcmp(snapshot->partitions[p].info.owner, owner) != 0)
			continue;
		fprintf(out, "%s%" PRIu32, owned++ ? " " : "", p);
	}
	if (fclose(out) != 0)
		ctl_die(EX_OSERR, "out of memory");
	return (int64_t)owned;
}

static ctl_table *describe_members(const ctl_snapshot *snapshot)
{
	const ctl_roster *roster = &snapshot->roster;
	ctl_table *table = ctl_table_create(describe_columns);
	for (size_t i = 0; i < roster->count; i++) {
		const ctl_member *m = &roster->members[i];
		char *partitions;
		int64_t owned = list_owned(snapshot, m->name, &partitions);
		ctl_table_text(table, m->name);
		ctl_table_number(table, m->capacity);
		ctl_table_duration(table, m->lease_left > 0 ? m->lease_left : 0);
		/* What a dead member had is nobody's until another member takes it over. */
		ctl_table_number(table, m->lease_left > 0 ? owned : 0);
		ctl_table_text(table, m->lease_left > 0 ? partitions : "");
		free(partitions);
	}
	return table;
}

static json_t *targets_json(const ctl_keys *targets)
{
	json_t *list = json_array();
	for (size_t i = 0; i < targets->count; i++)
		json_array_append_new(list, ctl_json_bytes(targets->list[i], strlen(targets->list[i])));
	return list;
}

/* A sum over all partitions; null, if one is not known. */
static json_t *known(const ctl_totals *sum, uint64_t value)
{
	return sum->unreachable ? json_null() : json_integer((json_int_t)value);
}

static void describe_as_json(const char *stream, const char *group, const ctl_snapshot *snapshot,
			     const ctl_keys *targets, const ctl_table *members)
{
	ctl_totals sum = ctl_snapshot_sum(snapshot);
	ctl_json_print(json_pack("{s:s, s:s, s:I, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "stream", stream,
				 "group", group, "generation", (json_int_t)snapshot->generation,
				 "partitions_owned", (int)sum.owned, "partitions",
				 (int)snapshot->partition_count, "lag",
				 sum.lag < 0 ? json_null() : json_integer(sum.lag), "dead_letters",
				 known(&sum, sum.dead_letters), "values", known(&sum, sum.values), "outputs",
				 targets_json(targets), "members", ctl_table_json(members)),
		       false, stdout);
}

static void describe_for_people(const char *stream, const char *group, const ctl_snapshot *snapshot,
				const ctl_keys *targets)
{
	ctl_totals sum = ctl_snapshot_sum(snapshot);
	char lag[CTL_TEXT_MAX] = "an unknown number of", letters[CTL_TEXT_MAX], values[CTL_TEXT_MAX];
	if (sum.lag >= 0)
		ctl_count_text((uint64_t)sum.lag, lag);
	ctl_say("%s of %s: %" PRIu32 " of %" PRIu32
		" partition%s owned, %s message%s behind, %s%s dead letter%s",
		group, stream, sum.owned, snapshot->partition_count, seg_plural(snapshot->partition_count),
		lag, seg_plural((uint64_t)sum.lag), sum.unreachable ? "at least " : "",
		ctl_count_text(sum.dead_letters, letters), seg_plural(sum.dead_letters));
	if (sum.values)
		ctl_say(", %s%s value%s in state", sum.unreachable ? "at least " : "",
			ctl_count_text(sum.values, values), seg_plural(sum.values));
	ctl_say("\n");
	for (size_t i = 0; i < targets->count; i++)
		ctl_say("%s%s", i ? ", " : "It emits to ", targets->list[i]);
	ctl_say("%s\n", targets->count ? "\n" : "");
	ctl_snapshot_print_unreachable(snapshot);
}

static void describe(ctl_form form, const char *stream, const char *group, const ctl_snapshot *snapshot,
		     const ctl_keys *targets)
{
	ctl_table *table = describe_members(snapshot);
	if (form == CTL_FORM_TABLE)
		describe_for_people(stream, group, snapshot, targets);
	if (form == CTL_FORM_JSON)
		describe_as_json(stream, group, snapshot, targets, table);
	else
		ctl_table_print(table, form, "No member is running; start a segrunner", stdout);
	ctl_table_destroy(table);
}

static int describe_group(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	ctl_snapshot snapshot;
	ctl_keys targets = {0};
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_snapshot_take(stream, argv[1], false, &snapshot);
	if (exit_code == EX_OK) {
		exit_code = ctl_emitting_targets(context, argv[0], argv[1], false, &targets);
		if (exit_code == EX_OK)
			describe(context->form, argv[0], argv[1], &snapshot, &targets);
		ctl_snapshot_free(&snapshot);
	}
	ctl_keys_free(&targets);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_group_describe = {
	"group",
	"describe",
	"STREAM GROUP",
	2,
	2,
	"Shows a group's members, the partitions that each owns, and where the group emits to",
	"`segctl lag` shows the group's partitions.",
	NULL,
	describe_group,
};
