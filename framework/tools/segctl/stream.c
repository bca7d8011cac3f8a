/* stream.c - `segctl stream`: creates, lists and describes streams. stream_delete.c deletes them. */
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "base/plural.h"
#include "command.h"
#include "directory.h"
#include "stream/client.h"
#include "stream/spelling.h"
#include "stream_facts.h"
#include "table.h"
#include "text.h"

/* --- create --------------------------------------------------------------------------------- */

static struct {
	int64_t partitions, size;
	int overflow, packing;
} shape = {.size = 1000000};

/* clang-format off */
static const ctl_option create_options[] = {
	{"partitions", 'p', "N", CTL_NUMBER, &shape.partitions, 1, 65536, NULL,
	 "number of partitions; fixed; limits how many runners can share the work (required)"},
	{"partition-size", 's', "N", CTL_NUMBER, &shape.size, 1, (int64_t)1 << 40, NULL,
	 "messages that a partition holds at most (1,000,000)"},
	{"overflow", 0, "HOW", CTL_CHOICE, &shape.overflow, 0, 0, seg_overflow_names,
	 "what a full partition does: reject (the default) or drop-oldest"},
	{"packing", 0, "HOW", CTL_CHOICE, &shape.packing, 0, 0, seg_packing_names,
	 "whether Redis stores a batch of records as one entry: off (the default), on, lz4 or zstd (on and "
	 "compressed)"},
	CTL_OPTIONS_END,
};
/* clang-format on */

/* "overflow reject", and the packing where it is not off. Returns text. */
static char *shape_text(const seg_stream_shape *s, char text[64])
{
	snprintf(text, 64, "overflow %s%s%s", seg_overflow_name(s->overflow), s->packing ? ", packing " : "",
		 s->packing ? seg_packing_names[s->packing] : "");
	return text;
}

/* A stream that this segctl cannot use is refused as by the other commands. */
static int refuse_create(ctl_context *context, const char *name, const seg_error *error)
{
	seg_stream *stream;
	seg_error unusable;
	if (error->status != SEG_ESERVER)
		return ctl_fail(error);
	int status = ctl_try_stream(context, name, &stream, &unusable);
	if (status == 0)
		seg_stream_close(stream);
	return ctl_fail(status == SEG_EPROTOCOL ? &unusable : error);
}

static int create(ctl_context *context, int argc, char **argv)
{
	(void)argc;
	if (shape.partitions == 0)
		return ctl_complain(EX_USAGE,
				    "give the number of partitions, which is fixed: --partitions 8");
	char text[64];
	seg_stream_shape wanted = {.partitions = (uint32_t)shape.partitions,
				   .partition_size = (uint64_t)shape.size,
				   .overflow = (seg_overflow)shape.overflow,
				   .packing = (seg_packing)shape.packing};
	seg_stream *stream;
	seg_error error;
	if (seg_stream_register(context->client, argv[0], &wanted, &stream, &error))
		return refuse_create(context, argv[0], &error);
	if (context->form == CTL_FORM_TABLE)
		ctl_say("%s: %" PRIu32 " partition%s of %" PRIu64 " message%s, %s\n", argv[0],
			wanted.partitions, seg_plural(wanted.partitions), wanted.partition_size,
			seg_plural(wanted.partition_size), shape_text(&wanted, text));
	seg_stream_close(stream);
	return EX_OK;
}

const ctl_command ctl_stream_create = {
	"stream",
	"create",
	"STREAM",
	1,
	1,
	"Registers a stream; succeeds if the stream exists in that shape",
	"A stream never changes its shape.",
	create_options,
	create,
};

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
	ctl_stream_facts facts;
	seg_error error;
	/* The stream may have been deleted since its name was read. */
	if (ctl_try_stream(context, name, &stream, &error))
		return error.status == SEG_ENOTFOUND ? EX_OK : ctl_fail(&error);
	int exit_code = ctl_stream_facts_read(context, stream, &facts);
	if (exit_code == EX_OK) {
		ctl_table_text(table, name);
		ctl_table_number(table, stream->shape.partitions);
		ctl_table_number(table, (int64_t)stream->shape.partition_size);
		ctl_table_text(table, seg_overflow_name(stream->shape.overflow));
		ctl_table_text(table, seg_packing_names[stream->shape.packing]);
		ctl_table_number(table, (int64_t)facts.groups.count);
		ctl_table_number(table, (int64_t)facts.messages);
	}
	ctl_stream_facts_free(&facts);
	seg_stream_close(stream);
	return exit_code;
}

static int list(ctl_context *context, int argc, char **argv)
{
	char empty[256];
	ctl_keys names;
	int unreadable = EX_OK;
	(void)argc, (void)argv;
	int exit_code = ctl_directory_streams(context, &names);
	ctl_table *table = ctl_table_create(list_columns);
	for (size_t i = 0; i < names.count && exit_code == EX_OK; i++) {
		exit_code = list_one(context, names.list[i], table);
		/* It has its line on standard error. The others are listed. */
		if (exit_code == EX_PROTOCOL)
			unreadable = exit_code, exit_code = EX_OK;
	}
	snprintf(empty, sizeof(empty), "There are no %sstreams in namespace \"%s\"",
		 unreadable ? "other " : "", context->client->name_space);
	if (exit_code == EX_OK)
		ctl_table_print(table, context->form, empty, stdout);
	exit_code = exit_code ? exit_code : unreadable;
	ctl_table_destroy(table);
	ctl_keys_free(&names);
	return exit_code;
}

const ctl_command ctl_stream_list = {
	"stream", "list", "", 0, 0, "Lists the streams of the namespace", NULL, NULL, list,
};

/* --- describe ----------------------------------------------------------------------------------------- */

/* The first column is only of a cluster, where a partition is on one of several nodes. */
static const ctl_column describe_columns[] = {
	{"node", "NODE", false},        {"partition", "PARTITION", true},
	{"messages", "MESSAGES", true}, {"first_id", "FIRST", false},
	{"last_id", "LAST", false},     {"added", "ADDED", true},
	{"dropped", "DROPPED", true},   {NULL, NULL, false},
};

static void put_id(ctl_table *table, seg_id id)
{
	char text[SEG_ID_TEXT_MAX];
	if (id.ms || id.seq)
		ctl_table_text(table, seg_id_format(id, text));
	else
		ctl_table_none(table);
}

static ctl_table *describe_partitions(const seg_stream *stream, const ctl_stream_facts *facts)
{
	bool cluster = *facts->partitions[0].node;
	ctl_table *table = ctl_table_create(describe_columns + !cluster);
	for (uint32_t p = 0; p < stream->shape.partitions; p++) {
		const ctl_partition_facts *partition = &facts->partitions[p];
		if (cluster)
			ctl_table_text(table, partition->node);
		ctl_table_number(table, p);
		ctl_table_number(table, (int64_t)partition->messages);
		put_id(table, partition->log.first);
		put_id(table, partition->log.last);
		ctl_table_number(table, (int64_t)partition->added);
		ctl_table_number(table, (int64_t)partition->dropped);
	}
	return table;
}

static void describe_for_people(const seg_stream *stream, const ctl_stream_facts *facts)
{
	char size[CTL_TEXT_MAX], text[64];
	ctl_say("%s: %" PRIu32 " partition%s of %s message%s, %s\nGroups:", stream->name,
		stream->shape.partitions, seg_plural(stream->shape.partitions),
		ctl_count_text(stream->shape.partition_size, size), seg_plural(stream->shape.partition_size),
		shape_text(&stream->shape, text));
	for (size_t i = 0; i < facts->groups.count; i++)
		ctl_say(" %s", facts->groups.list[i]);
	ctl_say("%s\n", facts->groups.count ? "" : " none");
	if (facts->sources.count > 0)
		ctl_say("Emitted by:");
	for (size_t i = 0; i < facts->sources.count; i++) {
		const char *source = facts->sources.list[i], *colon = strchr(source, ':');
		if (colon)
			ctl_say("%s group %.*s of %s", i ? "," : "", (int)(colon - source), source,
				colon + 1);
	}
	ctl_say("%s\n", facts->sources.count ? "\n" : "");
}

/* [{"group": ..., "stream": ...}] */
static json_t *sources_json(const ctl_keys *sources)
{
	json_t *list = json_array();
	for (size_t i = 0; i < sources->count; i++) {
		const char *source = sources->list[i], *colon = strchr(source, ':');
		if (colon)
			json_array_append_new(list,
					      json_pack("{s:o, s:o}", "group",
							ctl_json_bytes(source, (size_t)(colon - source)),
							"stream",
							ctl_json_bytes(colon + 1, strlen(colon + 1))));
	}
	return list;
}

static void describe_as_json(const seg_stream *stream, const ctl_stream_facts *facts,
			     const ctl_table *partitions)
{
	json_t *groups = json_array();
	for (size_t i = 0; i < facts->groups.count; i++)
		json_array_append_new(groups,
				      ctl_json_bytes(facts->groups.list[i], strlen(facts->groups.list[i])));
	ctl_json_print(json_pack("{s:s, s:I, s:s, s:s, s:I, s:o, s:o, s:o}", "stream", stream->name,
				 "partition_size", (json_int_t)stream->shape.partition_size, "overflow",
				 seg_overflow_name(stream->shape.overflow), "packing",
				 seg_packing_names[stream->shape.packing], "messages",
				 (json_int_t)facts->messages, "groups", groups, "emitted_by",
				 sources_json(&facts->sources), "partitions", ctl_table_json(partitions)),
		       false, stdout);
}

static int describe(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	ctl_stream_facts facts;
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_stream_facts_read(context, stream, &facts);
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
	ctl_stream_facts_free(&facts);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_stream_describe = {
	"stream", "describe", "STREAM",
	1,        1,          "Shows a stream's shape, groups and partitions, and who emits to it",
	NULL,     NULL,       describe,
};
