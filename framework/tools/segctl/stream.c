/* stream.c - `segctl stream`: what streams there are, and what lies in them. */
#include <inttypes.h>
#include <stdlib.h>
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

/* --- create --------------------------------------------------------------------------------- */

static const char *const packings[] = {"off", "on", "lz4", NULL};
static const char *const overflows[] = {"reject", "drop-oldest", NULL};

static struct {
	int64_t partitions, size;
	int overflow, packing;
} shape = {.size = 1000000};

/* clang-format off */
static const ctl_option create_options[] = {
	{"partitions", 'p', "N", CTL_NUMBER, &shape.partitions, 1, 65536, NULL,
	 "how many, for ever: so far can a group scale out (needed)"},
	{"partition-size", 's', "N", CTL_NUMBER, &shape.size, 1, (int64_t)1 << 40, NULL,
	 "messages that a partition holds at most (1,000,000)"},
	{"overflow", 0, "HOW", CTL_CHOICE, &shape.overflow, 0, 0, overflows,
	 "what a full partition does: reject (the default) or drop-oldest"},
	{"packing", 0, "HOW", CTL_CHOICE, &shape.packing, 0, 0, packings,
	 "whether a batch of records is one entry: off (the default), on, or lz4, which compresses it"},
	CTL_OPTIONS_END,
};
/* clang-format on */

/* "overflow reject", and what else is not as usual */
static char *shape_text(const seg_stream_shape *s, char text[64])
{
	snprintf(text, 64, "overflow %s%s%s", seg_overflow_name(s->overflow), s->packing ? ", packing " : "",
		 s->packing ? packings[s->packing] : "");
	return text;
}

static int create(ctl_context *context, int argc, char **argv)
{
	(void)argc;
	if (shape.partitions == 0)
		return ctl_complain(
			EX_USAGE, "say how many partitions the stream shall have, for ever: --partitions 8");
	char text[64];
	seg_stream_shape wanted = {.partitions = (uint32_t)shape.partitions,
				   .partition_size = (uint64_t)shape.size,
				   .overflow = (seg_overflow)shape.overflow,
				   .packing = (seg_packing)shape.packing};
	seg_stream *stream;
	seg_error error;
	if (seg_stream_register(context->client, argv[0], &wanted, &stream, &error))
		return ctl_fail(&error);
	if (context->form == CTL_FORM_TABLE)
		printf("%s: %" PRIu32 " partitions of %" PRIu64 " messages, %s\n", argv[0], wanted.partitions,
		       wanted.partition_size, shape_text(&wanted, text));
	seg_stream_close(stream);
	return EX_OK;
}

const ctl_command ctl_stream_create = {
	"stream",
	"create",
	"STREAM",
	1,
	1,
	"Registers a stream; it is no error if it is there in that shape",
	"A stream never changes its shape.",
	create_options,
	create,
};

/* --- reading a stream --------------------------------------------------------------------------- */

typedef struct {
	uint64_t length, added, dropped;
	char first[SEG_ID_TEXT_MAX], last[SEG_ID_TEXT_MAX]; /* "" for none */
} partition_facts;

typedef struct {
	partition_facts *partitions;
	char **groups;
	size_t group_count;
} stream_facts;

static const seg_reply *member_of(const seg_reply *list, const char *name)
{
	for (size_t i = 0; list && i + 1 < list->count; i += 2)
		if (seg_reply_is(list->elements[i], name))
			return list->elements[i + 1];
	return NULL;
}

static void copy_id(char id[SEG_ID_TEXT_MAX], const seg_reply *reply)
{
	if (reply && reply->type == SEG_REPLY_TEXT)
		snprintf(id, SEG_ID_TEXT_MAX, "%s", reply->text);
}

/* An error in place of a list: the log does not exist yet. */
static void got_log(void *arg, size_t p, const seg_reply *reply)
{
	partition_facts *facts = &((stream_facts *)arg)->partitions[p];
	facts->length = (uint64_t)seg_reply_number(member_of(reply, "length"), 0);
	facts->added = (uint64_t)seg_reply_number(member_of(reply, "entries-added"), 0);
	copy_id(facts->first, seg_reply_at(member_of(reply, "first-entry"), 0));
	if (facts->added)
		copy_id(facts->last, member_of(reply, "last-generated-id"));
}

/* dropped records base; the last two of a packed stream, whose entries hold several messages */
static void got_counters(void *arg, size_t p, const seg_reply *reply)
{
	partition_facts *facts = &((stream_facts *)arg)->partitions[p];
	uint64_t records = (uint64_t)seg_reply_number(seg_reply_at(reply, 1), 0);
	uint64_t base = (uint64_t)seg_reply_number(seg_reply_at(reply, 2), 0);
	facts->dropped = (uint64_t)seg_reply_number(seg_reply_at(reply, 0), 0);
	if (records == 0)
		return;
	facts->added = records;
	facts->length = facts->length ? records - base : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void got_groups(void *arg, size_t number, const seg_reply *reply)
{
	stream_facts *facts = arg;
	(void)number;
	if (reply->type != SEG_REPLY_ARRAY || reply->count == 0)
		return;
	facts->groups = ctl_allocate(reply->count, sizeof(*facts->groups));
	for (size_t i = 0; i < reply->count; i++)
		facts->groups[facts->group_count++] =
			ctl_copy(reply->elements[i]->text, reply->elements[i]->length);
	qsort(facts->groups, facts->group_count, sizeof(*facts->groups), compare_names);
}

static int read_facts(ctl_context *context, const seg_stream *stream, stream_facts *facts)
{
	const char *name_space = context->client->name_space;
	char key[SEG_KEY_MAX];
	*facts = (stream_facts){.partitions =
					ctl_allocate(stream->shape.partitions, sizeof(*facts->partitions))};
	ctl_batch *batch = ctl_batch_create(true);
	for (uint32_t p = 0; p < stream->shape.partitions; p++) {
		seg_key_log(key, name_space, stream->name, p);
		ctl_batch_words(batch, got_log, facts, p, "XINFO", "STREAM", key, (char *)NULL);
		seg_key_beside_log(key, name_space, stream->name, p, "counters", NULL);
		ctl_batch_words(batch, got_counters, facts, p, "HMGET", key, "dropped", "records", "base",
				(char *)NULL);
	}
	seg_key_of_stream(key, name_space, stream->name, "groups", NULL);
	ctl_batch_words(batch, got_groups, facts, 0, "SMEMBERS", key, (char *)NULL);
	int exit_code = ctl_batch_run(batch, context->client, "read the stream");
	ctl_batch_destroy(batch);
	return exit_code;
}

static void free_facts(stream_facts *facts)
{
	for (size_t i = 0; i < facts->group_count; i++)
		free(facts->groups[i]);
	free(facts->groups);
	free(facts->partitions);
}

static uint64_t count_messages(const seg_stream *stream, const stream_facts *facts)
{
	uint64_t messages = 0;
	for (uint32_t p = 0; p < stream->shape.partitions; p++)
		messages += facts->partitions[p].length;
	return messages;
}

/* --- list ------------------------------------------------------------------------------------------ */

static const ctl_column list_columns[] = {
	{"stream", "STREAM", false},      {"partitions", "PARTITIONS", true},
	{"partition_size", "SIZE", true}, {"overflow", "OVERFLOW", false},
	{"packing", "PACKING", false},    {"groups", "GROUPS", true},
	{"messages", "MESSAGES", true},   {NULL, NULL, false},
};

static int list_one(ctl_context *context, const char *name, ctl_table *table)
{
	seg_stream *stream;
	stream_facts facts;
	seg_error error;
	/* One that was removed meanwhile is none. */
	if (seg_stream_open(context->client, name, &stream, &error))
		return error.status == SEG_ENOTFOUND ? EX_OK : ctl_fail(&error);
	int exit_code = read_facts(context, stream, &facts);
	if (exit_code == EX_OK) {
		ctl_table_text(table, name);
		ctl_table_number(table, stream->shape.partitions);
		ctl_table_number(table, (int64_t)stream->shape.partition_size);
		ctl_table_text(table, seg_overflow_name(stream->shape.overflow));
		ctl_table_text(table, packings[stream->shape.packing]);
		ctl_table_number(table, (int64_t)facts.group_count);
		ctl_table_number(table, (int64_t)count_messages(stream, &facts));
	}
	free_facts(&facts);
	seg_stream_close(stream);
	return exit_code;
}

static int list(ctl_context *context, int argc, char **argv)
{
	char empty[256];
	ctl_keys names;
	(void)argc, (void)argv;
	int exit_code = ctl_directory_streams(context, &names);
	ctl_table *table = ctl_table_create(list_columns);
	for (size_t i = 0; i < names.count && exit_code == EX_OK; i++)
		exit_code = list_one(context, names.list[i], table);
	snprintf(empty, sizeof(empty), "There are no streams in namespace \"%s\"",
		 context->client->name_space);
	if (exit_code == EX_OK)
		ctl_table_print(table, context->form, empty, stdout);
	ctl_table_destroy(table);
	ctl_keys_free(&names);
	return exit_code;
}

const ctl_command ctl_stream_list = {
	"stream", "list", "", 0, 0, "Lists the streams of the namespace", NULL, NULL, list,
};

/* --- describe ----------------------------------------------------------------------------------------- */

static const ctl_column describe_columns[] = {
	{"partition", "PARTITION", true},
	{"messages", "MESSAGES", true},
	{"first_id", "FIRST", false},
	{"last_id", "LAST", false},
	{"added", "ADDED", true},
	{"dropped", "DROPPED", true},
	{NULL, NULL, false},
};

static void put_id(ctl_table *table, const char *id)
{
	if (*id)
		ctl_table_text(table, id);
	else
		ctl_table_none(table);
}

static ctl_table *describe_partitions(const seg_stream *stream, const stream_facts *facts)
{
	ctl_table *table = ctl_table_create(describe_columns);
	for (uint32_t p = 0; p < stream->shape.partitions; p++) {
		const partition_facts *partition = &facts->partitions[p];
		ctl_table_number(table, p);
		ctl_table_number(table, (int64_t)partition->length);
		put_id(table, partition->first);
		put_id(table, partition->last);
		ctl_table_number(table, (int64_t)partition->added);
		ctl_table_number(table, (int64_t)partition->dropped);
	}
	return table;
}

static void describe_for_people(const seg_stream *stream, const stream_facts *facts)
{
	char size[CTL_TEXT_MAX], text[64];
	printf("%s: %" PRIu32 " partitions of %s messages, %s\nGroups:", stream->name,
	       stream->shape.partitions, ctl_count_text(stream->shape.partition_size, size),
	       shape_text(&stream->shape, text));
	for (size_t i = 0; i < facts->group_count; i++)
		printf(" %s", facts->groups[i]);
	printf("%s\n\n", facts->group_count ? "" : " none");
}

static void describe_as_json(const seg_stream *stream, const stream_facts *facts, const ctl_table *partitions)
{
	json_t *groups = json_array();
	for (size_t i = 0; i < facts->group_count; i++)
		json_array_append_new(groups, json_string(facts->groups[i]));
	ctl_json_print(json_pack("{s:s, s:I, s:s, s:s, s:I, s:o, s:o}", "stream", stream->name,
				 "partition_size", (json_int_t)stream->shape.partition_size, "overflow",
				 seg_overflow_name(stream->shape.overflow), "packing",
				 packings[stream->shape.packing], "messages",
				 (json_int_t)count_messages(stream, facts), "groups", groups, "partitions",
				 ctl_table_json(partitions)),
		       false, stdout);
}

static int describe(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	stream_facts facts;
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	exit_code = read_facts(context, stream, &facts);
	if (exit_code == EX_OK) {
		ctl_table *table = describe_partitions(stream, &facts);
		if (context->form == CTL_FORM_TABLE)
			describe_for_people(stream, &facts);
		if (context->form == CTL_FORM_JSON)
			describe_as_json(stream, &facts, table);
		else
			ctl_table_print(table, context->form, "", stdout);
		ctl_table_destroy(table);
	}
	free_facts(&facts);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_stream_describe = {
	"stream", "describe", "STREAM", 1, 1, "Shows a stream's shape, its groups and its partitions",
	NULL,     NULL,       describe,
};

/*
 * --- delete -----------------------------------------------------------------------------------------------
 */

static struct {
	bool yes, force;
} removal;

static const ctl_option delete_options[] = {
	{"yes", 'y', NULL, CTL_FLAG, &removal.yes, 0, 0, NULL, "do not ask"},
	{"force", 0, NULL, CTL_FLAG, &removal.force, 0, 0, NULL, "also while members of its groups live"},
	CTL_OPTIONS_END,
};

static int refuse_if_read(ctl_context *context, const char *name, const stream_facts *facts)
{
	int exit_code = EX_OK;
	for (size_t i = 0; i < facts->group_count && exit_code == EX_OK && !removal.force; i++) {
		ctl_roster roster;
		char names[512];
		exit_code = ctl_roster_read(context, name, facts->groups[i], &roster);
		if (exit_code == EX_OK && roster.live > 0)
			exit_code = ctl_complain(
				EX_TEMPFAIL,
				"stream \"%s\" is being read by group \"%s\" (%s); stop its members, or say "
				"--force",
				name, facts->groups[i], ctl_roster_names(&roster, names, sizeof(names)));
		ctl_roster_free(&roster);
	}
	return exit_code;
}

/* The shape goes last: until then the command can be given again. */
static int delete_keys(ctl_context *context, const seg_stream *stream)
{
	const char *name_space = context->client->name_space;
	char pattern[SEG_KEY_MAX], info[SEG_KEY_MAX];
	ctl_keys keys = {0}, last = {0};
	snprintf(pattern, sizeof(pattern), "{__%s:%s:partition_*}:*", name_space, stream->name);
	int exit_code = ctl_keys_find(context, pattern, &keys);
	seg_key_of_stream(pattern, name_space, stream->name, "*", NULL);
	if (exit_code == EX_OK)
		exit_code = ctl_keys_find(context, pattern, &keys);
	seg_key_of_stream(info, name_space, stream->name, "info", NULL);
	ctl_keys_remove(&keys, info);
	for (uint32_t p = 0; p < stream->shape.partitions; p++) {
		int length = seg_key_log(pattern, name_space, stream->name, p);
		ctl_keys_add(&keys, pattern, (size_t)length);
	}
	ctl_keys_add(&last, info, strlen(info));
	if (exit_code == EX_OK)
		exit_code = ctl_keys_unlink(context, &keys);
	if (exit_code == EX_OK)
		exit_code = ctl_keys_unlink(context, &last);
	ctl_keys_free(&keys);
	ctl_keys_free(&last);
	return exit_code;
}

static int delete_stream(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	stream_facts facts;
	char count[CTL_TEXT_MAX];
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	exit_code = read_facts(context, stream, &facts);
	if (exit_code == EX_OK)
		exit_code = refuse_if_read(context, argv[0], &facts);
	if (exit_code == EX_OK)
		exit_code = ctl_ask(
			removal.yes,
			"Delete stream \"%s\" in namespace \"%s\" with its %s messages, %zu groups and their "
			"dead letters",
			argv[0], context->client->name_space,
			ctl_count_text(count_messages(stream, &facts), count), facts.group_count);
	if (exit_code == EX_OK)
		exit_code = delete_keys(context, stream);
	free_facts(&facts);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_stream_delete = {
	"stream",
	"delete",
	"STREAM",
	1,
	1,
	"Removes a stream, its messages, groups and dead letters",
	"Stop its producers and runners first: one that goes on makes keys of the stream again, and a runner does not notice a "
	"stream of another shape under the same name.",
	delete_options,
	delete_stream,
};
