/* group.c - `segctl group`: the groups of a stream, and their members. */
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "ask.h"
#include "batch.h"
#include "command.h"
#include "directory.h"
#include "roster.h"
#include "stream/client.h"
#include "table.h"
#include "text.h"

/* --- what a group sums up to ---------------------------------------------------------------- */

typedef struct {
	int64_t lag; /* -1: not known of some partition */
	uint64_t dead_letters;
	uint32_t owned;
} totals;

static totals sum_up(const seg_group_info *info)
{
	totals sum = {0};
	for (uint32_t p = 0; p < info->partition_count; p++) {
		const seg_partition_info *partition = &info->partitions[p];
		sum.lag = partition->lag < 0 || sum.lag < 0 ? -1 : sum.lag + partition->lag;
		sum.dead_letters += partition->dead_letters;
		sum.owned += *partition->owner != '\0';
	}
	return sum;
}

static int describe_info(seg_stream *stream, const char *group, seg_group_info **info)
{
	seg_error error;
	if (seg_group_describe(stream, group, info, &error) == 0)
		return EX_OK;
	if (error.status == SEG_ENOTFOUND)
		return ctl_complain(EX_NOINPUT, "%s; `segctl group list %s` tells which there are",
				    error.text, stream->name);
	return ctl_fail(&error);
}

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
	seg_group_info *info;
	int exit_code = describe_info(stream, group, &info);
	if (exit_code)
		return exit_code;
	totals sum = sum_up(info);
	ctl_table_text(table, group);
	ctl_table_number(table, info->members);
	ctl_table_number(table, sum.owned);
	ctl_table_number(table, info->partition_count);
	if (sum.lag < 0)
		ctl_table_none(table);
	else
		ctl_table_number(table, sum.lag);
	ctl_table_number(table, (int64_t)sum.dead_letters);
	seg_group_info_free(info);
	return EX_OK;
}

static int list(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	char empty[256];
	ctl_keys names;
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_directory_groups(context, argv[0], &names);
	ctl_table *table = ctl_table_create(list_columns);
	for (size_t i = 0; i < names.count && exit_code == EX_OK; i++)
		exit_code = list_one(stream, names.list[i], table);
	snprintf(empty, sizeof(empty), "Stream \"%s\" has no groups; one is made when its first member joins",
		 argv[0]);
	if (exit_code == EX_OK)
		ctl_table_print(table, context->form, empty, stdout);
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

static ctl_table *describe_members(const ctl_roster *roster, const seg_group_info *info)
{
	ctl_table *table = ctl_table_create(describe_columns);
	for (size_t i = 0; i < roster->count; i++) {
		const ctl_member *m = &roster->members[i];
		char partitions[512] = "";
		size_t used = 0, owned = 0;
		for (uint32_t p = 0; p < info->partition_count; p++) {
			if (strcmp(info->partitions[p].owner, m->name) != 0)
				continue;
			if (used < sizeof(partitions))
				used += (size_t)snprintf(partitions + used, sizeof(partitions) - used,
							 "%s%" PRIu32, owned ? " " : "", p);
			owned++;
		}
		ctl_table_text(table, m->name);
		ctl_table_number(table, m->capacity);
		ctl_table_duration(table, m->lease_left > 0 ? m->lease_left : 0);
		ctl_table_number(table, (int64_t)owned);
		ctl_table_text(table, partitions);
	}
	return table;
}

static void describe(ctl_context *context, const char *stream, const char *group, const seg_group_info *info,
		     const ctl_roster *roster)
{
	totals sum = sum_up(info);
	ctl_table *table = describe_members(roster, info);
	if (context->form == CTL_FORM_JSON) {
		ctl_json_print(json_pack("{s:s, s:s, s:I, s:i, s:i, s:o, s:I, s:o}", "stream", stream,
					 "group", group, "generation", (json_int_t)info->generation,
					 "partitions_owned", (int)sum.owned, "partitions",
					 (int)info->partition_count, "lag",
					 sum.lag < 0 ? json_null() : json_integer(sum.lag), "dead_letters",
					 (json_int_t)sum.dead_letters, "members", ctl_table_json(table)),
			       false, stdout);
	} else {
		char lag[CTL_TEXT_MAX] = "an unknown number of", letters[CTL_TEXT_MAX];
		if (context->form == CTL_FORM_TABLE)
			printf("%s of %s: %" PRIu32 " of %" PRIu32
			       " partitions owned, %s messages behind, %s dead letters\n\n",
			       group, stream, sum.owned, info->partition_count,
			       sum.lag < 0 ? lag : ctl_count_text((uint64_t)sum.lag, lag),
			       ctl_count_text(sum.dead_letters, letters));
		ctl_table_print(table, context->form, "No member is running: start a segrunner", stdout);
	}
	ctl_table_destroy(table);
}

static int describe_group(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	seg_group_info *info;
	ctl_roster roster;
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	exit_code = describe_info(stream, argv[1], &info);
	if (exit_code == EX_OK) {
		exit_code = ctl_roster_read(context, argv[0], argv[1], &roster);
		if (exit_code == EX_OK)
			describe(context, argv[0], argv[1], info, &roster);
		ctl_roster_free(&roster);
		seg_group_info_free(info);
	}
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_group_describe = {
	"group",
	"describe",
	"STREAM GROUP",
	2,
	2,
	"Shows a group's members, and what each owns",
	"`segctl lag` shows its partitions.",
	NULL,
	describe_group,
};

/* --- delete --------------------------------------------------------------------------------------------- */

static struct {
	bool yes, force;
} removal;

static const ctl_option delete_options[] = {
	{"yes", 'y', NULL, CTL_FLAG, &removal.yes, 0, 0, NULL, "do not ask"},
	{"force", 0, NULL, CTL_FLAG, &removal.force, 0, 0, NULL,
	 "also while members live; they make the group again"},
	CTL_OPTIONS_END,
};

static int refuse_if_live(ctl_context *context, const char *stream, const char *group)
{
	ctl_roster roster;
	char names[512];
	int exit_code = removal.force ? EX_OK : ctl_roster_read(context, stream, group, &roster);
	if (removal.force || exit_code)
		return exit_code;
	if (roster.live > 0)
		exit_code = ctl_complain(
			EX_TEMPFAIL,
			"group \"%s\" of stream \"%s\" has live members (%s); stop them, or say --force",
			group, stream, ctl_roster_names(&roster, names, sizeof(names)));
	ctl_roster_free(&roster);
	return exit_code;
}

/* Its name goes last: until then the command can be given again. */
static int delete_all(ctl_context *context, const seg_stream *stream, const char *group)
{
	static const char *const of_stream[] = {"members", "leases", "partitions", "control"};
	static const char *const beside_log[] = {"state", "dead"};
	const char *name_space = context->client->name_space;
	char key[SEG_KEY_MAX];
	/* XGROUP's error: the partition has no log. */
	ctl_batch *batch = ctl_batch_create(true);
	for (uint32_t p = 0; p < stream->shape.partitions; p++) {
		seg_key_log(key, name_space, stream->name, p);
		ctl_batch_words(batch, NULL, NULL, 0, "XGROUP", "DESTROY", key, group, (char *)NULL);
		for (size_t i = 0; i < sizeof(beside_log) / sizeof(beside_log[0]); i++) {
			seg_key_beside_log(key, name_space, stream->name, p, group, beside_log[i]);
			ctl_batch_words(batch, NULL, NULL, 0, "UNLINK", key, (char *)NULL);
		}
	}
	for (size_t i = 0; i < sizeof(of_stream) / sizeof(of_stream[0]); i++) {
		seg_key_of_stream(key, name_space, stream->name, group, of_stream[i]);
		ctl_batch_words(batch, NULL, NULL, 0, "UNLINK", key, (char *)NULL);
	}
	int exit_code = ctl_batch_run(batch, context->client, "delete the group");
	seg_key_of_stream(key, name_space, stream->name, "groups", NULL);
	if (exit_code == EX_OK) {
		ctl_batch_words(batch, NULL, NULL, 0, "SREM", key, group, (char *)NULL);
		exit_code = ctl_batch_run(batch, context->client, "delete the group");
	}
	ctl_batch_destroy(batch);
	return exit_code;
}

static int delete_group(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	seg_group_info *info;
	char count[CTL_TEXT_MAX];
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	exit_code = describe_info(stream, argv[1], &info);
	if (exit_code == EX_OK) {
		uint64_t letters = sum_up(info).dead_letters;
		seg_group_info_free(info);
		exit_code = refuse_if_live(context, argv[0], argv[1]);
		if (exit_code == EX_OK)
			exit_code = ctl_ask(
				removal.yes,
				"Delete group \"%s\" of stream \"%s\" with its position and %s dead letters",
				argv[1], argv[0], ctl_count_text(letters, count));
	}
	if (exit_code == EX_OK)
		exit_code = delete_all(context, stream, argv[1]);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_group_delete = {
	"group",
	"delete",
	"STREAM GROUP",
	2,
	2,
	"Removes a group, its position and its dead letters",
	"The messages stay. Who runs meanwhile makes the group again, where it was; who joins later begins at its `start`.",
	delete_options,
	delete_group,
};
