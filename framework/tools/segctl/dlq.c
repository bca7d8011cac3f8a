/* dlq.c - `segctl dlq list` and `show`: the messages that a group gave up on. dlq_change.c replays and drops them. */
#include "dlq.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "command.h"
#include "directory.h"
#include "dlq_reasons.h"
#include "message_print.h"
#include "snapshot.h"
#include "table.h"
#include "text.h"

ctl_letter_filter ctl_dlq_filter = {.partition = -1};

/* --- list ------------------------------------------------------------------------------------------ */

static const ctl_column columns[] = {
	{"partition", "PARTITION", true}, {"letter", "LETTER", false},   {"id", "MESSAGE", false},
	{"time", "SINCE", false},         {"time_ms", NULL, true},       {"attempts", "ATTEMPTS", true},
	{"replays", "REPLAYS", true},     {"handler", "HANDLER", false}, {"key", "KEY", false},
	{"reason", "REASON", false},      {"data", "DATA", false},       {NULL, NULL, false},
};

enum { DATA_COLUMN = 10, DATA_SHOWN = 60 };

static const char *const groupings[] = {"letter", "reason", NULL};

static struct {
	bool data;
	int by;
} given;

uint64_t ctl_dlq_replays(const ctl_dead_letter *letter)
{
	const seg_header *count = ctl_message_header(&letter->content.message, CTL_DLQ_HEADER_COUNT);
	return count ? strtoull(count->value, NULL, 10) : 0;
}

typedef struct {
	ctl_table *table;
	ctl_form form;
} listing;

static bool put_letter(void *arg, const ctl_dead_letter *letter)
{
	const listing *l = arg;
	ctl_table *table = l->table;
	const seg_message *m = &letter->content.message;
	char id[SEG_ID_TEXT_MAX];
	ctl_table_number(table, letter->partition);
	ctl_table_text(table, letter->id);
	ctl_table_text(table, seg_id_format(letter->original, id));
	ctl_table_time(table, letter->time_ms);
	ctl_table_number(table, (int64_t)letter->time_ms);
	ctl_table_number(table, (int64_t)letter->attempts);
	ctl_table_number(table, (int64_t)ctl_dlq_replays(letter));
	ctl_table_text(table, letter->handler);
	ctl_table_bytes(table, letter->content.message.key, letter->content.message.key_length);
	ctl_table_text(table, letter->reason);
	if (given.data)
		ctl_table_bytes(table, m->data,
				l->form == CTL_FORM_TABLE && m->data_length > DATA_SHOWN ? DATA_SHOWN
											 : m->data_length);
	return true;
}

int ctl_dlq_print_list(ctl_context *context, seg_stream *stream, const char *group)
{
	ctl_column chosen[sizeof(columns) / sizeof(columns[0])];
	memcpy(chosen, columns, sizeof(columns));
	if (!given.data)
		chosen[DATA_COLUMN] = (ctl_column){NULL, NULL, false};
	ctl_table *table = ctl_table_create(chosen);
	listing l = {table, context->form};
	int exit_code = ctl_letters_visit(context, stream, group, &ctl_dlq_filter, put_letter, &l);
	if (exit_code == EX_OK)
		ctl_table_print(table, context->form, "No dead letter matches", stdout);
	ctl_table_destroy(table);
	return exit_code;
}

int ctl_dlq_open(ctl_context *context, char **argv, seg_stream **stream)
{
	ctl_snapshot snapshot;
	int exit_code = ctl_open_stream(context, argv[0], stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_snapshot_take(*stream, argv[1], false, &snapshot);
	if (exit_code == EX_OK) {
		ctl_snapshot_free(&snapshot);
		exit_code = ctl_letter_filter_init(&ctl_dlq_filter, context, *stream);
	}
	if (exit_code)
		seg_stream_close(*stream);
	return exit_code;
}

static int list(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	(void)argc;
	int exit_code = ctl_dlq_open(context, argv, &stream);
	if (exit_code)
		return exit_code;
	exit_code = given.by ? ctl_dlq_reasons_print(context, stream, argv[1], &ctl_dlq_filter)
			     : ctl_dlq_print_list(context, stream, argv[1]);
	seg_stream_close(stream);
	return exit_code;
}

/* clang-format off */
static const ctl_option list_options[] = {
	{"by", 0, "WHAT", CTL_CHOICE, &given.by, 0, 0, groupings,
	 "letter: one row each (the default); reason: how many have which reason, since when, and the newest"},
	{"data", 0, NULL, CTL_FLAG, &given.data, 0, 0, NULL,
	 "the messages' data, too; a table shows the beginning"},
	CTL_DLQ_FILTER_OPTIONS,
	CTL_OPTIONS_END,
};
/* clang-format on */

const ctl_command ctl_dlq_list = {
	"dlq", "list", "STREAM GROUP", 2, 2, "Lists the dead letters of a group", NULL, list_options, list,
};

/* --- show -------------------------------------------------------------------------------------------- */

typedef struct {
	const char *id;
	int64_t skip; /* -1: by id; else the letters before the one that is meant */
	ctl_form form;
	bool found;
} showing;

static void show_for_people(const ctl_dead_letter *letter)
{
	const seg_message *m = &letter->content.message;
	char id[SEG_ID_TEXT_MAX], time[CTL_TEXT_MAX];
	char *key = ctl_printable(m->key, m->key_length), *data = ctl_printable(m->data, m->data_length);
	char *handler = ctl_printable(letter->handler, strlen(letter->handler));
	char *reason = ctl_printable(letter->reason, strlen(letter->reason));
	ctl_say("letter     %s of partition %" PRIu32
		"\nmessage    %s\nsince      %s\nhandler    %s\nattempts   %" PRIu64 "\nreplays    %" PRIu64
		"\nreason     %s\nkey        %s\n",
		letter->id, letter->partition, seg_id_format(letter->original, id),
		ctl_time_text(letter->time_ms, time), handler, letter->attempts, ctl_dlq_replays(letter),
		reason, key);
	ctl_message_print_headers(m, "header     ", " = ", "\n");
	ctl_say("data       %s\n", letter->content.has_data
					   ? data
					   : "(none: the entry was removed before it became a dead letter)");
	free(reason);
	free(handler);
	free(key);
	free(data);
}

static void show_as_json(const ctl_dead_letter *letter)
{
	char id[SEG_ID_TEXT_MAX], time[CTL_TEXT_MAX];
	json_t *object = ctl_message_json(&letter->content.message);
	json_object_set_new(object, "letter", json_string(letter->id));
	json_object_set_new(object, "id", json_string(seg_id_format(letter->original, id)));
	json_object_set_new(object, "partition", json_integer(letter->partition));
	json_object_set_new(object, "time", json_string(ctl_time_text(letter->time_ms, time)));
	json_object_set_new(object, "time_ms", json_integer((json_int_t)letter->time_ms));
	json_object_set_new(object, "attempts", json_integer((json_int_t)letter->attempts));
	json_object_set_new(object, "replays", json_integer((json_int_t)ctl_dlq_replays(letter)));
	json_object_set_new(object, "handler", ctl_json_bytes(letter->handler, strlen(letter->handler)));
	json_object_set_new(object, "reason", ctl_json_bytes(letter->reason, strlen(letter->reason)));
	ctl_json_print(object, false, stdout);
}

/* The row that `dlq list --data` has of it. */
static void show_as_csv(const ctl_dead_letter *letter)
{
	listing l = {ctl_table_create(columns), CTL_FORM_CSV};
	given.data = true;
	put_letter(&l, letter);
	ctl_table_print(l.table, l.form, "", stdout);
	ctl_table_destroy(l.table);
}

static bool show_if_wanted(void *arg, const ctl_dead_letter *letter)
{
	showing *s = arg;
	if (s->skip < 0 ? strcmp(letter->id, s->id) != 0 : s->skip-- > 0)
		return true;
	s->found = true;
	if (s->form == CTL_FORM_TABLE)
		show_for_people(letter);
	else if (s->form == CTL_FORM_CSV)
		show_as_csv(letter);
	else
		show_as_json(letter);
	return false;
}

static int show(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	showing s = {argv[2], -1, context->form, false};
	(void)argc;
	if (strspn(argv[2], "0123456789") == strlen(argv[2]))
		s.skip = strtoll(argv[2], NULL, 10);
	int exit_code = ctl_dlq_open(context, argv, &stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_letters_visit(context, stream, argv[1], &ctl_dlq_filter, show_if_wanted, &s);
	if (exit_code == EX_OK && !s.found)
		exit_code = ctl_complain(EX_NOINPUT,
					 "there is no letter %s; `segctl dlq list %s %s` lists the letters",
					 argv[2], argv[0], argv[1]);
	seg_stream_close(stream);
	return exit_code;
}

static const ctl_option show_options[] = {
	{"partition", 'p', "N", CTL_NUMBER, &ctl_dlq_filter.partition, 0, 65535, NULL,
	 "search only this partition"},
	CTL_OPTIONS_END,
};

const ctl_command ctl_dlq_show = {
	"dlq",
	"show",
	"STREAM GROUP LETTER",
	3,
	3,
	"Shows all about a dead letter",
	"LETTER: the letter's id, or its place in `segctl dlq list`, counted from 0. -o csv: the row of `dlq list "
	"--data`, without headers.",
	show_options,
	show,
};
