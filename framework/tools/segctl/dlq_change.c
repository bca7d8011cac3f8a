/*
 * dlq_change.c - `segctl dlq replay` and `drop`.
 *
 * A replay sends the message to its stream again, under its key, with two headers that tell its origin. If the message
 * fails again, the next dead letter keeps the first header and counts up the second.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ask.h"
#include "base/plural.h"
#include "command.h"
#include "dlq.h"
#include "ending.h"
#include "progress.h"
#include "stream/client.h"
#include "table.h"
#include "text.h"

#define HEADER_ID "dead-letter-id" /* the id of the message that first became a dead letter */

static struct {
	bool yes, dry_run;
} given;

/* clang-format off */
static const ctl_option options[] = {
	{"dry-run", 0, NULL, CTL_FLAG, &given.dry_run, 0, 0, NULL, "only list the letters"},
	{"yes", 'y', NULL, CTL_FLAG, &given.yes, 0, 0, NULL, "do not ask"},
	CTL_DLQ_FILTER_OPTIONS,
	CTL_OPTIONS_END,
};
/* clang-format on */

typedef struct {
	ctl_context *context;
	seg_stream *stream;
	const char *group;
	/* *done: the letter counts. */
	int (*change)(ctl_context *context, seg_stream *stream, const char *group,
		      const ctl_dead_letter *letter, bool *done);
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
	/* Letters that came after the question stay; such a letter may be of a message just replayed. */
	if (c->done == c->planned || letter->time_ms > c->newest_ms)
		return !ctl_ending_signal();
	bool done = false;
	c->exit_code = c->change(c->context, c->stream, c->group, letter, &done);
	c->done += done;
	ctl_progress_draw(&c->progress, c->done, (double)c->done / (double)c->planned);
	return c->exit_code == EX_OK && !ctl_ending_signal();
}

static int change_all(changing *c, const char *done)
{
	char count[CTL_TEXT_MAX];
	ctl_ending_catch();
	c->progress = ctl_progress_start(done);
	int exit_code = ctl_letters_visit(c->context, c->stream, c->group, &ctl_dlq_filter, change_letter, c);
	ctl_progress_end(&c->progress);
	if (c->context->form == CTL_FORM_JSON)
		ctl_json_print(json_pack("{s:I}", done, (json_int_t)c->done), false, stdout);
	else if (c->context->form == CTL_FORM_CSV)
		printf("%s\r\n%" PRIu64 "\r\n", done, c->done);
	else
		printf("%s dead letter%s %s\n", ctl_count_text(c->done, count), seg_plural(c->done), done);
	if (ctl_ending_signal()) {
		(void)ctl_flush();
		ctl_ending_obey();
	}
	return exit_code ? exit_code : c->exit_code;
}

static int change(changing *c, char **argv, const char *verb, const char *consequence, const char *done)
{
	char count[CTL_TEXT_MAX];
	c->group = argv[1];
	int exit_code = ctl_dlq_open(c->context, argv, &c->stream);
	if (exit_code)
		return exit_code;
	if (given.dry_run) {
		exit_code = ctl_dlq_print_list(c->context, c->stream, c->group);
		seg_stream_close(c->stream);
		return exit_code;
	}
	exit_code = ctl_letters_visit(c->context, c->stream, c->group, &ctl_dlq_filter, count_letter, c);
	if (exit_code == EX_OK && c->planned > 0)
		exit_code = ctl_ask(given.yes, "%s %s dead letter%s of group \"%s\" of stream \"%s\" %s",
				    verb, ctl_count_text(c->planned, count), seg_plural(c->planned), argv[1],
				    argv[0], consequence);
	if (exit_code == EX_OK)
		exit_code = change_all(c, done);
	seg_stream_close(c->stream);
	return exit_code;
}

/* The message's own headers, and the two that tell its origin: `original` and `replays` hold their values. */
static size_t make_headers(const ctl_dead_letter *letter, seg_header *headers, char original[SEG_ID_TEXT_MAX],
			   char replays[24])
{
	const seg_message *m = &letter->content.message;
	const seg_header *replayed = ctl_message_header(m, CTL_DLQ_HEADER_COUNT);
	size_t count = 0;
	seg_id_format(letter->original, original);
	snprintf(replays, 24, "%" PRIu64, ctl_dlq_replays(letter) + 1);
	for (size_t i = 0; i < m->header_count; i++)
		if (&m->headers[i] != replayed)
			headers[count++] = m->headers[i];
	if (!ctl_message_header(m, HEADER_ID))
		headers[count++] = (seg_header){HEADER_ID, strlen(HEADER_ID), original, strlen(original)};
	headers[count++] =
		(seg_header){CTL_DLQ_HEADER_COUNT, strlen(CTL_DLQ_HEADER_COUNT), replays, strlen(replays)};
	return count;
}

/* Removes the letter only after Redis has confirmed the new message. */
static int replay_one(ctl_context *context, seg_stream *stream, const char *group,
		      const ctl_dead_letter *letter, bool *done)
{
	const seg_message *m = &letter->content.message;
	char original[SEG_ID_TEXT_MAX], replays[24];
	seg_error error;
	if (!letter->content.has_data)
		return ctl_complain(
			EX_DATAERR,
			"letter %s of partition %" PRIu32
			" holds no message: its entry was removed before it became a dead letter; drop it: "
			"segctl dlq drop %s %s -p %" PRIu32,
			letter->id, letter->partition, stream->name, group, letter->partition);
	seg_header *headers = ctl_allocate(m->header_count + 2, sizeof(*headers));
	size_t count = make_headers(letter, headers, original, replays);
	seg_record record = {m->key, m->key_length, m->data, m->data_length, headers, count};
	int status = seg_stream_send(stream, &record, NULL, &error);
	free(headers);
	if (status)
		return ctl_complain(ctl_exit_code(status), "letter %s of partition %" PRIu32 " stays: %s",
				    letter->id, letter->partition, error.text);
	*done = true;
	return ctl_letter_remove(context, stream, group, letter,
				 ", whose message was sent again: another replay sends it once more");
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
	"Sends dead letters to their stream again, and removes the letters",
	"segctl adds each message at the end of its key's partition, with the headers " HEADER_ID
	" (of the message that failed first) and " CTL_DLQ_HEADER_COUNT
	", and removes the letter once Redis has confirmed the message. If segctl dies in between, the message is sent twice. "
	"Every group of the stream gets the message, not only this one.",
	options,
	replay,
};

static int drop_one(ctl_context *context, seg_stream *stream, const char *group,
		    const ctl_dead_letter *letter, bool *done)
{
	int exit_code = ctl_letter_remove(context, stream, group, letter, "");
	*done = exit_code == EX_OK;
	return exit_code;
}

static int drop(ctl_context *context, int argc, char **argv)
{
	changing c = {.context = context, .change = drop_one};
	(void)argc;
	return change(&c, argv, "Drop", "for good", "dropped");
}

const ctl_command ctl_dlq_drop = {
	"dlq", "drop", "STREAM GROUP", 2, 2, "Removes dead letters for good", NULL, options, drop,
};
