/*
 * dlq.c - `segctl dlq`: the messages that a group gave up on.
 *
 * A letter that is replayed is sent to its stream again, under its key, with two headers that tell where it
 * comes from; they are what the next letter counts on from, if it fails again.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ask.h"
#include "command.h"
#include "dead_letter.h"
#include "progress.h"
#include "stream/client.h"
#include "table.h"
#include "text.h"

#define HEADER_ID "dead-letter-id"       /* the id of the message that first became a dead letter */
#define HEADER_COUNT "dead-letter-count" /* how often it was replayed */

static ctl_letter_filter filter = {.partition = -1};

static struct {
	bool yes, dry_run;
} given;

/* clang-format off */
static const ctl_option change_options[] = {
	{"dry-run", 0, NULL, CTL_FLAG, &given.dry_run, 0, 0, NULL, "only list what would be done"},
	{"yes", 'y', NULL, CTL_FLAG, &given.yes, 0, 0, NULL, "do not ask"},
	/* FILTERS: from here on `list` takes them, too. */
	{"handler", 0, "NAME", CTL_TEXT, &filter.handler, 0, 0, NULL, "only those of this handler"},
	{"reason", 0, "TEXT", CTL_TEXT, &filter.reason, 0, 0, NULL, "only those whose reason holds this"},
	{"key", 'k', "KEY", CTL_TEXT, &filter.key, 0, 0, NULL, "only those with this key"},
	{"since", 0, "WHEN", CTL_TEXT, &filter.since, 0, 0, NULL,
	 "only those from then on: a time, or how long ago (2h)"},
	{"partition", 'p', "N", CTL_NUMBER, &filter.partition, 0, 65535, NULL,
	 "only those of this partition"},
	CTL_OPTIONS_END,
};
/* clang-format on */

enum { FILTERS = 2 };

/* --- list ------------------------------------------------------------------------------------------ */

static const ctl_column columns[] = {
	{"partition", "PARTITION", true}, {"letter", "LETTER", false},
	{"id", "MESSAGE", false},         {"time", "SINCE", false},
	{"attempts", "TRIES", true},      {"replays", "REPLAYS", true},
	{"handler", "HANDLER", false},    {"key", "KEY", false},
	{"reason", "REASON", false},      {NULL, NULL, false},
};

static uint64_t replays_of(const ctl_dead_letter *letter)
{
	const seg_header *count = ctl_message_header(&letter->content.message, HEADER_COUNT);
	return count ? strtoull(count->value, NULL, 10) : 0;
}

static bool put_letter(void *arg, const ctl_dead_letter *letter)
{
	ctl_table *table = arg;
	char id[SEG_ID_TEXT_MAX];
	ctl_table_number(table, letter->partition);
	ctl_table_text(table, letter->id);
	ctl_table_text(table, seg_id_format(letter->original, id));
	ctl_table_time(table, letter->time_ms);
	ctl_table_number(table, (int64_t)letter->attempts);
	ctl_table_number(table, (int64_t)replays_of(letter));
	ctl_table_text(table, letter->handler);
	ctl_table_bytes(table, letter->content.message.key, letter->content.message.key_length);
	ctl_table_text(table, letter->reason);
	return true;
}

static int print_list(ctl_context *context, seg_stream *stream, const char *group)
{
	ctl_table *table = ctl_table_create(columns);
	int exit_code = ctl_letters_visit(context, stream, group, &filter, put_letter, table);
	if (exit_code == EX_OK)
		ctl_table_print(table, context->form, "There are no such dead letters", stdout);
	ctl_table_destroy(table);
	return exit_code;
}

/* Opens the stream, sees that the group is there, and reads the filter. */
static int open_group(ctl_context *context, char **argv, seg_stream **stream)
{
	seg_group_info *info;
	seg_error error;
	int exit_code = ctl_open_stream(context, argv[0], stream);
	if (exit_code)
		return exit_code;
	if (seg_group_describe(*stream, argv[1], &info, &error)) {
		seg_stream_close(*stream);
		return ctl_fail(&error);
	}
	seg_group_info_free(info);
	exit_code = ctl_letter_filter_init(&filter, *stream);
	if (exit_code)
		seg_stream_close(*stream);
	return exit_code;
}

static int list(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	(void)argc;
	int exit_code = open_group(context, argv, &stream);
	if (exit_code)
		return exit_code;
	exit_code = print_list(context, stream, argv[1]);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_dlq_list = {
	"dlq",
	"list",
	"STREAM GROUP",
	2,
	2,
	"Lists the dead letters of a group",
	NULL,
	change_options + FILTERS,
	list,
};

/* --- show -------------------------------------------------------------------------------------------- */

typedef struct {
	const char *id;
	ctl_form form;
	bool found;
} showing;

static void show_for_people(const ctl_dead_letter *letter)
{
	const seg_message *m = &letter->content.message;
	char id[SEG_ID_TEXT_MAX], time[CTL_TEXT_MAX];
	char *key = ctl_printable(m->key, m->key_length), *data = ctl_printable(m->data, m->data_length);
	printf("letter     %s of partition %" PRIu32
	       "\nmessage    %s\nsince      %s\nhandler    %s\nattempts   %" PRIu64 "\nreplays    %" PRIu64
	       "\nreason     %s\nkey        %s\n",
	       letter->id, letter->partition, seg_id_format(letter->original, id),
	       ctl_time_text(letter->time_ms, time), letter->handler, letter->attempts, replays_of(letter),
	       letter->reason, key);
	for (size_t i = 0; i < m->header_count; i++) {
		char *name = ctl_printable(m->headers[i].name, m->headers[i].name_length);
		char *value = ctl_printable(m->headers[i].value, m->headers[i].value_length);
		printf("header     %s = %s\n", name, value);
		free(name);
		free(value);
	}
	printf("data       %s\n", letter->content.has_data ? data : "(gone: the entry was removed before)");
	free(key);
	free(data);
}

static bool show_if_it(void *arg, const ctl_dead_letter *letter)
{
	showing *s = arg;
	char id[SEG_ID_TEXT_MAX];
	if (strcmp(letter->id, s->id) != 0)
		return true;
	s->found = true;
	if (s->form == CTL_FORM_TABLE) {
		show_for_people(letter);
		return false;
	}
	json_t *object = ctl_message_json(&letter->content.message);
	json_object_set_new(object, "letter", json_string(letter->id));
	json_object_set_new(object, "id", json_string(seg_id_format(letter->original, id)));
	json_object_set_new(object, "partition", json_integer(letter->partition));
	json_object_set_new(object, "time_ms", json_integer((json_int_t)letter->time_ms));
	json_object_set_new(object, "attempts", json_integer((json_int_t)letter->attempts));
	json_object_set_new(object, "replays", json_integer((json_int_t)replays_of(letter)));
	json_object_set_new(object, "handler", ctl_json_bytes(letter->handler, strlen(letter->handler)));
	json_object_set_new(object, "reason", ctl_json_bytes(letter->reason, strlen(letter->reason)));
	ctl_json_print(object, false, stdout);
	return false;
}

static int show(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	showing s = {argv[2], context->form, false};
	(void)argc;
	if (context->form == CTL_FORM_CSV)
		return ctl_complain(EX_USAGE,
				    "one letter is no table: say -o json, or `segctl dlq list -o csv`");
	int exit_code = open_group(context, argv, &stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_letters_visit(context, stream, argv[1], &filter, show_if_it, &s);
	if (exit_code == EX_OK && !s.found)
		exit_code =
			ctl_complain(EX_NOINPUT,
				     "there is no letter %s; `segctl dlq list %s %s` tells which there are",
				     argv[2], argv[0], argv[1]);
	seg_stream_close(stream);
	return exit_code;
}

static const ctl_option show_options[] = {
	{"partition", 'p', "N", CTL_NUMBER, &filter.partition, 0, 65535, NULL, "look only there"},
	CTL_OPTIONS_END,
};

const ctl_command ctl_dlq_show = {
	"dlq",
	"show",
	"STREAM GROUP LETTER",
	3,
	3,
	"Shows a dead letter with all that is known of it",
	NULL,
	show_options,
	show,
};

/* --- replay and drop ---------------------------------------------------------------------------------- */

typedef struct {
	ctl_context *context;
	seg_stream *stream;
	const char *group;
	int (*change)(ctl_context *context, seg_stream *stream, const char *group,
		      const ctl_dead_letter *letter);
	uint64_t planned, done, newest_ms;
	ctl_progress progress;
	int exit_code;
} changing;

static bool count_letter(void *arg, const ctl_dead_letter *letter)
{
	changing *c = arg;
	c->planned++;
	c->newest_ms = letter->time_ms > c->newest_ms ? letter->time_ms : c->newest_ms;
	return true;
}

static bool change_letter(void *arg, const ctl_dead_letter *letter)
{
	changing *c = arg;
	/*
	 * What came while this ran is not what was asked about: it may be what was just replayed, failing
	 * again.
	 */
	if (c->done == c->planned || letter->time_ms > c->newest_ms)
		return true;
	c->exit_code = c->change(c->context, c->stream, c->group, letter);
	c->done += c->exit_code == EX_OK;
	ctl_progress_draw(&c->progress, c->done, (double)c->done / (double)c->planned);
	return c->exit_code == EX_OK;
}

static int change_all(changing *c, const char *done)
{
	char count[CTL_TEXT_MAX];
	c->progress = ctl_progress_start(done);
	int exit_code = ctl_letters_visit(c->context, c->stream, c->group, &filter, change_letter, c);
	ctl_progress_end(&c->progress);
	if (c->context->form == CTL_FORM_JSON)
		ctl_json_print(json_pack("{s:I}", done, (json_int_t)c->done), false, stdout);
	else if (c->context->form == CTL_FORM_CSV)
		printf("%s\r\n%" PRIu64 "\r\n", done, c->done);
	else
		printf("%s dead letter%s %s\n", ctl_count_text(c->done, count), c->done == 1 ? "" : "s",
		       done);
	return exit_code ? exit_code : c->exit_code;
}

static int change(changing *c, char **argv, const char *verb, const char *consequence, const char *done)
{
	char count[CTL_TEXT_MAX];
	c->group = argv[1];
	int exit_code = open_group(c->context, argv, &c->stream);
	if (exit_code)
		return exit_code;
	if (given.dry_run) {
		exit_code = print_list(c->context, c->stream, c->group);
		seg_stream_close(c->stream);
		return exit_code;
	}
	exit_code = ctl_letters_visit(c->context, c->stream, c->group, &filter, count_letter, c);
	if (exit_code == EX_OK && c->planned > 0)
		exit_code = ctl_ask(given.yes, "%s %s dead letters of group \"%s\" of stream \"%s\" %s", verb,
				    ctl_count_text(c->planned, count), argv[1], argv[0], consequence);
	if (exit_code == EX_OK)
		exit_code = change_all(c, done);
	seg_stream_close(c->stream);
	return exit_code;
}

/* The message with its own headers, and ours. Removed only when Redis has said that it was added. */
static int replay_one(ctl_context *context, seg_stream *stream, const char *group,
		      const ctl_dead_letter *letter)
{
	const seg_message *m = &letter->content.message;
	char original[SEG_ID_TEXT_MAX], replays[24];
	seg_error error;
	if (!letter->content.has_data)
		return ctl_complain(
			EX_DATAERR,
			"letter %s of partition %" PRIu32
			" holds no message (its entry was removed before); drop it: segctl dlq drop %s %s -p "
			"%" PRIu32,
			letter->id, letter->partition, stream->name, group, letter->partition);
	seg_header *headers = ctl_allocate(m->header_count + 2, sizeof(*headers));
	size_t count = 0;
	const seg_header *first = ctl_message_header(m, HEADER_ID);
	seg_id_format(letter->original, original);
	snprintf(replays, sizeof(replays), "%" PRIu64, replays_of(letter) + 1);
	for (size_t i = 0; i < m->header_count; i++)
		if (&m->headers[i] != ctl_message_header(m, HEADER_COUNT))
			headers[count++] = m->headers[i];
	if (!first)
		headers[count++] = (seg_header){HEADER_ID, strlen(HEADER_ID), original, strlen(original)};
	headers[count++] = (seg_header){HEADER_COUNT, strlen(HEADER_COUNT), replays, strlen(replays)};
	seg_record record = {m->key, m->key_length, m->data, m->data_length, headers, count};
	int status = seg_stream_send(stream, &record, NULL, &error);
	free(headers);
	if (status)
		return ctl_complain(ctl_exit_code(status), "letter %s of partition %" PRIu32 " stays: %s",
				    letter->id, letter->partition, error.text);
	return ctl_letter_remove(context, stream, group, letter);
}

static int replay(ctl_context *context, int argc, char **argv)
{
	changing c = {.context = context, .change = replay_one};
	(void)argc;
	return change(&c, argv, "Send", "again, to every group of the stream", "replayed");
}

const ctl_command ctl_dlq_replay = {
	"dlq",
	"replay",
	"STREAM GROUP",
	2,
	2,
	"Sends dead letters to their stream again, and removes them",
	"Each goes to the end of its key's partition with the headers " HEADER_ID
	" (of the message that failed first) and " HEADER_COUNT
	", and is removed once that is acknowledged: should segctl die in between, it is sent twice. Every "
	"group of the "
	"stream gets it, not only this one.",
	change_options,
	replay,
};

static int drop_one(ctl_context *context, seg_stream *stream, const char *group,
		    const ctl_dead_letter *letter)
{
	return ctl_letter_remove(context, stream, group, letter);
}

static int drop(ctl_context *context, int argc, char **argv)
{
	changing c = {.context = context, .change = drop_one};
	(void)argc;
	return change(&c, argv, "Drop", "for good", "dropped");
}

const ctl_command ctl_dlq_drop = {
	"dlq", "drop", "STREAM GROUP", 2, 2, "Removes dead letters for good", NULL, change_options, drop,
};
