/* state.c - `segctl state list`, `get` and `export`: what a group's handlers keep in state. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/base64.h"
#include "command.h"
#include "directory.h"
#include "snapshot.h"
#include "table.h"
#include "text.h"
#include "value.h"

enum { SHOWN = 60, SLOT_COLUMN = 1 };

static struct {
	int64_t partition;
	bool base64;
} given = {.partition = -1};

/* --- rows -------------------------------------------------------------------------------------------- */

/* A copy of a value, with its texts behind it. */
typedef struct row {
	ctl_value value;
	char texts[];
} row;

typedef struct {
	row **list;
	size_t count, room;
	size_t shown; /* bytes of a value that are kept */
	bool slots;   /* some are values of slots */
} rows;

static bool keep(void *arg, const ctl_value *value)
{
	rows *r = arg;
	size_t kept = value->length < r->shown ? value->length : r->shown;
	row *copy = ctl_allocate(1, sizeof(*copy) + value->name_length + kept);
	if (r->count == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->list = ctl_reallocate(r->list, r->room, sizeof(*r->list));
	}
	copy->value = *value;
	copy->value.name = copy->texts;
	copy->value.content = copy->texts + value->name_length;
	memcpy(copy->texts, value->name, value->name_length);
	if (kept)
		memcpy(copy->texts + value->name_length, value->content, kept);
	r->slots |= value->slot >= 0;
	r->list[r->count++] = copy;
	return true;
}

static int compare(const void *a, const void *b)
{
	const ctl_value *x = &(*(row *const *)a)->value, *y = &(*(row *const *)b)->value;
	size_t shorter = x->name_length < y->name_length ? x->name_length : y->name_length;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	int order = memcmp(x->name, y->name, shorter);
	if (order == 0 && x->name_length != y->name_length)
		order = x->name_length < y->name_length ? -1 : 1;
	return order ? order : x->slot - y->slot;
}

/* By partition and name; what came twice is there once. */
static void sort(rows *r)
{
	size_t kept = 0;
	if (r->count)
		qsort(r->list, r->count, sizeof(row *), compare);
	for (size_t i = 0; i < r->count; i++) {
		if (kept > 0 && compare(&r->list[kept - 1], &r->list[i]) == 0)
			free(r->list[i]);
		else
			r->list[kept++] = r->list[i];
	}
	r->count = kept;
}

static void free_rows(rows *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->list[i]);
	free(r->list);
}

static const ctl_column columns[] = {
	{"partition", "PARTITION", true}, {"slot", "SLOT", true},    {"name", "NAME", false},
	{"bytes", "BYTES", true},         {"value", "VALUE", false}, {NULL, NULL, false},
};

static void print(const rows *r, ctl_form form, const char *empty)
{
	ctl_column chosen[sizeof(columns) / sizeof(columns[0])];
	memcpy(chosen, columns, sizeof(columns));
	if (!r->slots)
		chosen[SLOT_COLUMN].title = NULL;
	ctl_table *table = ctl_table_create(chosen);
	for (size_t i = 0; i < r->count; i++) {
		const ctl_value *v = &r->list[i]->value;
		ctl_table_number(table, v->partition);
		if (v->slot < 0)
			ctl_table_none(table);
		else
			ctl_table_number(table, v->slot);
		ctl_table_bytes(table, v->name, v->name_length);
		ctl_table_number(table, (int64_t)v->length);
		ctl_table_bytes(table, v->content, v->length < r->shown ? v->length : r->shown);
	}
	ctl_table_print(table, form, empty, stdout);
	ctl_table_destroy(table);
}

/* Checks the group and --partition, too. Close with seg_stream_close. */
static int open_group(ctl_context *context, char **argv, seg_stream **stream)
{
	ctl_snapshot snapshot;
	int exit_code = ctl_open_stream(context, argv[0], stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_snapshot_take(*stream, argv[1], false, &snapshot);
	if (exit_code == EX_OK) {
		ctl_snapshot_free(&snapshot);
		exit_code = ctl_check_partition(*stream, given.partition);
	}
	if (exit_code)
		seg_stream_close(*stream);
	return exit_code;
}

/* --- list -------------------------------------------------------------------------------------------- */

static int list(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	rows r = {.shown = context->form == CTL_FORM_TABLE ? SHOWN : SIZE_MAX};
	(void)argc;
	int exit_code = open_group(context, argv, &stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_values_visit(context, stream, argv[1], given.partition, keep, &r);
	sort(&r);
	if (exit_code == EX_OK)
		print(&r, context->form, "No value is kept");
	free_rows(&r);
	seg_stream_close(stream);
	return exit_code;
}

#define PARTITION_OPTION                                                                                   \
	{                                                                                                  \
		"partition", 'p', "N", CTL_NUMBER, &given.partition, 0, 65535, NULL, "only this partition" \
	}

/* clang-format off */
static const ctl_option options[] = {
	PARTITION_OPTION,
	CTL_OPTIONS_END,
};
/* clang-format on */

const ctl_command ctl_state_list = {
	"state",
	"list",
	"STREAM GROUP",
	2,
	2,
	"Lists the values that a group's handlers keep in state",
	"A table shows the beginning of each value. The slot is shown where the section has `parallel` above 1. Values that change "
	"meanwhile are as of some moment of the reading.",
	options,
	list,
};

/* --- get --------------------------------------------------------------------------------------------- */

/* The name's bytes, which the caller frees; NULL after one line on standard error. */
static char *read_name(const char *text, size_t *length)
{
	*length = strlen(text);
	char *name = ctl_allocate(seg_base64_bytes_max(*length) + *length, 1);
	if (given.base64)
		*length = seg_base64_decode(text, *length, name);
	else
		memcpy(name, text, *length);
	if (*length != (size_t)-1)
		return name;
	ctl_complain(EX_USAGE, "\"%s\" is not base64", text);
	free(name);
	return NULL;
}

static int show(const rows *r, const ctl_context *context, char **argv)
{
	if (r->count == 0)
		return ctl_complain(
			EX_NOINPUT,
			"there is no value of that name; `segctl state list %s %s` lists the values", argv[0],
			argv[1]);
	if (context->form != CTL_FORM_TABLE || r->count > 1) {
		print(r, context->form, "");
		return EX_OK;
	}
	char *text = ctl_printable(r->list[0]->value.content, r->list[0]->value.length);
	puts(text);
	free(text);
	return EX_OK;
}

static int get(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	rows r = {.shown = SIZE_MAX};
	size_t length;
	(void)argc;
	char *name = read_name(argv[2], &length);
	if (!name)
		return EX_USAGE;
	int exit_code = open_group(context, argv, &stream);
	if (exit_code == EX_OK) {
		exit_code =
			ctl_values_find(context, stream, argv[1], given.partition, name, length, keep, &r);
		seg_stream_close(stream);
		sort(&r);
	}
	if (exit_code == EX_OK)
		exit_code = show(&r, context, argv);
	free_rows(&r);
	free(name);
	return exit_code;
}

/* clang-format off */
static const ctl_option get_options[] = {
	PARTITION_OPTION,
	{"base64", 0, NULL, CTL_FLAG, &given.base64, 0, 0, NULL,
	 "NAME is in base64, as JSON has names that are no UTF-8"},
	CTL_OPTIONS_END,
};
/* clang-format on */

const ctl_command ctl_state_get = {
	"state",
	"get",
	"STREAM GROUP NAME",
	3,
	3,
	"Prints the value of a name",
	"Looks in all partitions, and prints the value alone if only one of them has the name, else a table.",
	get_options,
	get,
};

/* --- export ------------------------------------------------------------------------------------------ */

static void print_csv(const ctl_value *v)
{
	printf("%" PRIu32 ",", v->partition);
	if (v->slot >= 0)
		printf("%d", v->slot);
	putchar(',');
	ctl_csv_print(v->name, v->name_length, stdout);
	printf(",%zu,", v->length);
	ctl_csv_print(v->content, v->length, stdout);
	fputs("\r\n", stdout);
}

static void print_json(const ctl_value *v)
{
	ctl_json_print(json_pack("{s:i, s:o, s:o, s:I, s:o}", "partition", (int)v->partition, "slot",
				 v->slot < 0 ? json_null() : json_integer(v->slot), "name",
				 ctl_json_bytes(v->name, v->name_length), "bytes", (json_int_t)v->length,
				 "value", ctl_json_bytes(v->content, v->length)),
		       true, stdout);
}

static bool write_out(void *arg, const ctl_value *value)
{
	const ctl_context *context = arg;
	if (context->form == CTL_FORM_CSV)
		print_csv(value);
	else
		print_json(value);
	return !ferror(stdout);
}

static int export_state(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	(void)argc;
	int exit_code = open_group(context, argv, &stream);
	if (exit_code)
		return exit_code;
	if (context->form == CTL_FORM_CSV)
		fputs("partition,slot,name,bytes,value\r\n", stdout);
	exit_code = ctl_values_visit(context, stream, argv[1], given.partition, write_out, context);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_state_export = {
	"state",
	"export",
	"STREAM GROUP",
	2,
	2,
	"Writes all values: a JSON object a line, or CSV with -o csv",
	"Bytes that are no UTF-8 are {\"base64\": ...} in JSON, which has all values exactly. In no particular order; a value that "
	"changes meanwhile may come twice. Stop the group's members for a state that fits its position.",
	options,
	export_state,
};
