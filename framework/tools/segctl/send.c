/*
 * send.c - `segctl send`: sends each line as a message.
 *
 * The main thread reads lines. The producer's thread sends them, and counts the deliveries and the failures.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/plural.h"
#include "command.h"
#include "directory.h"
#include "ending.h"
#include "key_rule.h"
#include "progress.h"
#include "stream/client.h"
#include "stream/compression.h"
#include "stream/pack.h"
#include "stream/record.h"
#include "stream/spelling.h"
#include "table.h"
#include "text.h"
#include "unsent.h"

#define HOUR_MS 3600000

/* How long the main thread waits without a look at what has come meanwhile: a signal, a failure. */
#define LOOK_MS 500

/* After it without progress, a line says so. */
#define PATIENCE (2 * SEG_SECOND)

/* What is on its way when a signal comes has this long to arrive. */
#define GRACE_MS 2000

/* A record's opaque value is its line: the file's index above the number. */
enum { FILES_MAX = 1000, LINE_BITS = 48 };

_Static_assert(sizeof(void *) == 8, "a line's place fits into a pointer");

static ctl_key_rule rule = {.separator = "\t"};

static struct {
	int64_t rate;
	ctl_list headers;
	int codec;
	int64_t packing_level; /* 0: the default */
	int64_t ack_replicas;  /* -1: as configured */
	bool quiet;
} given = {.ack_replicas = -1};

/* clang-format off */
static const ctl_option options[] = {
	{"key", 'k', "KEY", CTL_TEXT, &rule.fixed, 0, 0, NULL, "the key of every line"},
	{"key-column", 0, "N", CTL_NUMBER, &rule.column, 1, 100000, NULL,
	 "take the key from this column; the first is 1"},
	{"separator", 's', "TEXT", CTL_TEXT, &rule.separator, 0, 0, NULL, "what separates columns (a tab)"},
	{"key-pattern", 0, "REGEX", CTL_TEXT, &rule.pattern, 0, 0, NULL,
	 "take the key from what this extended regular expression matches, or from its first group"},
	{"header", 'H', "NAME=VALUE", CTL_LIST, &given.headers, 0, 0, NULL,
	 "a header for every message; may be repeated"},
	{"rate", 'r', "N", CTL_NUMBER, &given.rate, 1, 1000000000, NULL, "send at most N lines a second"},
	{"codec", 0, "CODEC", CTL_CHOICE, &given.codec, 0, 0, seg_codec_names, "raw (the default) or segmenter-go"},
	{"ack-replicas", 0, "N", CTL_NUMBER, &given.ack_replicas, 0, 16, NULL,
	 "a line counts as sent when N replicas of Redis have it (as in --config, or 0)"},
	{"packing-level", 0, "N", CTL_NUMBER, &given.packing_level, SEG_LEVEL_MIN, SEG_LEVEL_MAX, NULL,
	 "to a stream with packing zstd: the level (1)"},
	{"quiet", 'q', NULL, CTL_FLAG, &given.quiet, 0, 0, NULL, "print only errors"},
	CTL_OPTIONS_END,
};
/* clang-format on */

typedef struct {
	/* The producer's thread writes these; the main thread reads them to show progress, and after the close. */
	atomic_ullong added;
	atomic_int first_status; /* of the first failure; 0: none */
	char first_text[SEG_ERROR_TEXT_MAX];
	ctl_unsent failed;  /* lines that are not in the stream */
	ctl_unsent unknown; /* lines that may be in the stream */

	/* The main thread's own: */
	seg_producer *producer;
	seg_header headers[CTL_LIST_MAX];
	ctl_progress progress;
	int64_t started;
	uint64_t taken;
	const char *names[FILES_MAX]; /* of the files, for errors */
	uint32_t file;                /* the one that is read */
	bool stopped;                 /* reading stopped, at a failure or a signal, */
	uint64_t stopped_at;          /* after this line */
	uint64_t seen;                /* `added` at the last look, */
	int64_t seen_at;              /* since when it is so */
	bool told;                    /* that nothing goes on */
	uint64_t bytes, bytes_total;  /* of the files; total 0: unknown */
} sending;

static void delivered(void *arg, const seg_delivery *delivery)
{
	sending *s = arg;
	if (delivery->status == 0) {
		atomic_fetch_add(&s->added, 1);
		return;
	}
	uint64_t place = (uint64_t)(uintptr_t)delivery->opaque;
	ctl_unsent_add(delivery->status == SEG_EUNKNOWN ? &s->unknown : &s->failed,
		       (uint32_t)(place >> LINE_BITS), place & (((uint64_t)1 << LINE_BITS) - 1));
	if (atomic_load(&s->first_status) == 0) {
		snprintf(s->first_text, sizeof(s->first_text), "%s", delivery->text);
		atomic_store(&s->first_status, delivery->status);
	}
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Between looks: tells once if nothing goes on. */
static void look(sending *s)
{
	uint64_t added = atomic_load(&s->added);
	int64_t now = seg_now();
	if (added != s->seen || s->seen_at == 0) {
		s->seen = added;
		s->seen_at = now;
		s->told = false;
	}
	if (s->told || given.quiet || now - s->seen_at < PATIENCE)
		return;
	s->told = true;
	ctl_progress_end(&s->progress);
	fprintf(stderr,
		"segctl: no line was added for 2 seconds: a partition is full (`segctl lag` shows which group is behind), "
		"or Redis does not answer; segctl gives a line up after 30 seconds\n");
}

static int add(sending *s, const seg_record *record, void *place, seg_error *error)
{
	int status = seg_producer_send(s->producer, record, place, error);
	while (status == SEG_EFULL && !ctl_ending_signal()) {
		look(s);
		status = seg_producer_send(s->producer, record, place, error);
	}
	s->seen_at = 0;
	return status;
}

static void close_producer(sending *s)
{
	while (!ctl_ending_signal() && seg_producer_flush(s->producer, LOOK_MS, NULL) == SEG_ETIMEOUT)
		look(s);
	(void)seg_producer_close(s->producer, ctl_ending_signal() ? GRACE_MS : HOUR_MS, NULL);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void keep_rate(const sending *s)
{
	if (given.rate == 0)
		return;
	int64_t due = s->started + (int64_t)((double)s->taken / (double)given.rate * SEG_SECOND);
	int64_t now = seg_now();
	if (due > now)
		ctl_pause(due - now);
}

/* Readers take no larger entries, unless they set entry_limit. They count some more: the table of the headers, and how an entry is packed. */
enum { MESSAGE_MOST = SEG_ENTRY_LIMIT - (64 << 10) };

static void stop(sending *s, uint64_t number)
{
	s->stopped = true;
	s->stopped_at = number;
}

static int send_line(sending *s, uint64_t number, const char *line, size_t length)
{
	const char *name = s->names[s->file];
	void *place = (void *)(uintptr_t)((uint64_t)s->file << LINE_BITS | number);
	seg_error error;
	const char *key;
	size_t key_length;
	if (ctl_key_rule_apply(&rule, line, length, &key, &key_length, &error))
		return ctl_complain(EX_DATAERR,
				    "%s:%" PRIu64 ": the line %s; it and the lines after it are not sent",
				    name, number, error.text);
	seg_record record = {key, key_length, line, length, s->headers, given.headers.count};
	if (seg_record_bytes(&record) > MESSAGE_MOST)
		return ctl_complain(
			EX_DATAERR,
			"%s:%" PRIu64
			": the message has %zu bytes, with its key, and segctl sends at most %d; it and the lines "
			"after it are not sent",
			name, number, seg_record_bytes(&record), MESSAGE_MOST);
	int status = add(s, &record, place, &error);
	if (status == SEG_EFULL) { /* a signal came */
		stop(s, number - 1);
		return EX_OK;
	}
	if (status)
		return ctl_complain(ctl_exit_code(error.status),
				    "%s:%" PRIu64 ": %s; it and the lines after it are not sent", name,
				    number, error.text);
	s->taken++;
	s->bytes += length + 1;
	ctl_progress_draw(&s->progress, atomic_load(&s->added),
			  s->bytes_total ? (double)s->bytes / (double)s->bytes_total : -1);
	return EX_OK;
}

static int send_file(sending *s, FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	int exit_code = EX_OK;
	uint64_t number = 0;
	ctl_ending_cuts(fileno(file));
	for (ssize_t length;
	     exit_code == EX_OK && !s->stopped && (length = getline(&line, &room, file)) >= 0;) {
		if (length > 0 && line[length - 1] == '\n')
			line[--length] = '\0';
		keep_rate(s);
		/* After a failure, the producer adds no more: report it at once. */
		if (ctl_ending_signal() || atomic_load(&s->first_status))
			stop(s, number);
		else
			exit_code = send_line(s, ++number, line, (size_t)length);
	}
	if (ctl_ending_signal())
		stop(s, s->stopped ? s->stopped_at : number);
	else if (ferror(file))
		exit_code = ctl_complain(EX_IOERR, "cannot read %s: %s", s->names[s->file], strerror(errno));
	ctl_ending_cuts(-1);
	free(line);
	return exit_code;
}

static int send_named(sending *s, const char *path)
{
	if (strcmp(path, "-") == 0)
		return send_file(s, stdin);
	FILE *file = fopen(path, "re");
	if (!file && ctl_ending_signal()) {
		stop(s, 0);
		return EX_OK;
	}
	if (!file)
		return ctl_complain(EX_NOINPUT, "cannot open %s: %s", path, strerror(errno));
	int exit_code = send_file(s, file);
	fclose(file);
	return exit_code;
}

/* --- the command ------------------------------------------------------------------------------- */

static int read_headers(sending *s)
{
	for (size_t i = 0; i < given.headers.count; i++) {
		const char *text = given.headers.items[i], *equals = strchr(text, '=');
		if (!equals || equals == text)
			return ctl_complain(EX_USAGE, "--header %s: write it as NAME=VALUE", text);
		s->headers[i] = (seg_header){text, (size_t)(equals - text), equals + 1, strlen(equals + 1)};
	}
	return EX_OK;
}

/* The size of the files; 0 if one is no regular file. */
static uint64_t total_bytes(int count, char **paths)
{
	uint64_t total = 0;
	for (int i = 0; i < count; i++) {
		struct stat status;
		if (stat(paths[i], &status) != 0 || !S_ISREG(status.st_mode))
			return 0;
		total += (uint64_t)status.st_size;
	}
	return total;
}

static const char *stop_text(const sending *s, char *text, size_t size)
{
	if (s->stopped_at)
		snprintf(text, size, "nothing after %.200s:%" PRIu64, s->names[s->file], s->stopped_at);
	else
		snprintf(text, size, "nothing of %.200s", s->names[s->file]);
	return text;
}

/* One line: how many lines were not sent, which, and why. */
static int complain_of_unsent(sending *s)
{
	char failed[1024], unknown[1024], text[3072] = "", rest[320] = "", stop[256], count[CTL_TEXT_MAX];
	size_t used = 0;
	ctl_unsent_text(&s->failed, s->names, failed, sizeof(failed));
	ctl_unsent_text(&s->unknown, s->names, unknown, sizeof(unknown));
	if (s->failed.count)
		used += (size_t)snprintf(text, sizeof(text), "%zu line%s not sent (%s)", s->failed.count,
					 seg_plural(s->failed.count), failed);
	if (s->unknown.count)
		snprintf(text + used, sizeof(text) - used,
			 "%s%zu line%s of unknown outcome: in the stream or not (%s)", used ? ", " : "",
			 s->unknown.count, seg_plural(s->unknown.count), unknown);
	if (s->stopped)
		snprintf(rest, sizeof(rest), ", and %s", stop_text(s, stop, sizeof(stop)));
	return ctl_complain(ctl_exit_code(atomic_load(&s->first_status)), "%s%s; %s sent: %s", text, rest,
			    ctl_count_text(atomic_load(&s->added), count), s->first_text);
}

static int complain_of_end(const sending *s)
{
	char stop[256];
	return ctl_complain(EX_TEMPFAIL, "SIG%s came: %s is sent", sigabbrev_np(ctl_ending_signal()),
			    stop_text(s, stop, sizeof(stop)));
}

static int report(sending *s, ctl_form form, const char *stream, int exit_code)
{
	uint64_t added = atomic_load(&s->added);
	char count[CTL_TEXT_MAX];
	if (form == CTL_FORM_JSON)
		ctl_json_print(json_pack("{s:I, s:I, s:I}", "sent", (json_int_t)added, "failed",
					 (json_int_t)s->failed.count, "unknown",
					 (json_int_t)s->unknown.count),
			       false, stdout);
	else if (form == CTL_FORM_CSV)
		printf("sent,failed,unknown\r\n%" PRIu64 ",%zu,%zu\r\n", added, s->failed.count,
		       s->unknown.count);
	else if (!given.quiet)
		printf("%s message%s sent to %s\n", ctl_count_text(added, count), seg_plural(added), stream);
	if (s->failed.count + s->unknown.count)
		return complain_of_unsent(s);
	return ctl_ending_signal() && s->stopped ? complain_of_end(s) : exit_code;
}

static int set_packing_level(seg_stream *stream)
{
	if (given.packing_level && stream->shape.packing != SEG_PACKING_ZSTD)
		return ctl_complain(
			EX_USAGE,
			"--packing-level: stream \"%s\" has packing %s; only zstd has levels, remove the option",
			stream->name, seg_packing_names[stream->shape.packing]);
	if (given.packing_level)
		stream->packing_level = (uint32_t)given.packing_level;
	return EX_OK;
}

static int send_all(sending *s, seg_stream *stream, int count, char **paths)
{
	seg_producer_options producer_options;
	seg_error error;
	seg_producer_options_init(&producer_options);
	if (given.ack_replicas >= 0)
		stream->client->ack_replicas = (uint32_t)given.ack_replicas;
	producer_options.when_blocked_ms = LOOK_MS;
	producer_options.wait_when_full = 1;
	producer_options.in_flight_bytes = MESSAGE_MOST + (1 << 20);
	producer_options.codec = (seg_codec)given.codec;
	producer_options.delivery = delivered;
	producer_options.delivery_arg = s;
	if (seg_producer_open(stream, &producer_options, &s->producer, &error))
		return ctl_fail(&error);
	ctl_ending_catch();
	s->progress = ctl_progress_start("sent");
	s->started = seg_now();
	s->bytes_total = total_bytes(count, paths);
	if (count == 0 && isatty(STDIN_FILENO))
		fputs("Type one message a line; end with Ctrl-D.\n", stderr);
	s->names[0] = "standard input";
	for (int i = 0; i < count; i++)
		s->names[i] = strcmp(paths[i], "-") == 0 ? "standard input" : paths[i];
	int exit_code = count ? EX_OK : send_file(s, stdin);
	for (int i = 0; i < count && exit_code == EX_OK && !s->stopped; i++) {
		s->file = (uint32_t)i;
		exit_code = send_named(s, paths[i]);
	}
	close_producer(s);
	ctl_progress_end(&s->progress);
	return exit_code;
}

static int send_lines(ctl_context *context, int argc, char **argv)
{
	static sending s; /* static: the producer's thread uses it */
	seg_stream *stream;
	seg_error error;
	if (ctl_key_rule_init(&rule, &error))
		return ctl_fail(&error);
	int exit_code = read_headers(&s);
	if (exit_code == EX_OK)
		exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code == EX_OK) {
		exit_code = set_packing_level(stream);
		if (exit_code == EX_OK) {
			exit_code = send_all(&s, stream, argc - 1, argv + 1);
			exit_code = report(&s, context->form, argv[0], exit_code);
			(void)ctl_flush();
			ctl_ending_obey();
		}
		ctl_unsent_free(&s.failed);
		ctl_unsent_free(&s.unknown);
		seg_stream_close(stream);
	}
	ctl_key_rule_fini(&rule);
	return exit_code;
}

const ctl_command ctl_send = {
	"send",
	NULL,
	"STREAM [FILE ...]",
	1,
	FILES_MAX,
	"Sends each line of the files, or of standard input, as a message",
	"The line is the message's data. Without --key, --key-column and --key-pattern the line is also its key, so that equal "
	"lines stay in order and others spread over the partitions. segctl waits while a partition is full. It stops at the "
	"first line that has no key or cannot be sent, names the lines that were not sent, and those of which nobody knows "
	"whether they were (Redis did not answer), and tells how many were; also if SIGINT, SIGTERM or SIGHUP ends it.",
	options,
	send_lines,
};
