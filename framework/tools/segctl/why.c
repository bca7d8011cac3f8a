/* why.c - `segctl why`: the state of one partition of a group, its likely problem, and the next step. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "batch.h"
#include "command.h"
#include "diagnosis.h"
#include "base/clock.h"
#include "base/plural.h"
#include "base/units.h"
#include "directory.h"
#include "server_trouble.h"
#include "stream/client.h"
#include "table.h"
#include "text.h"

static struct {
	int64_t sample;
} given = {.sample = 1000000000};

static const ctl_option options[] = {
	{"sample", 0, "TIME", CTL_DURATION, &given.sample, 0, 60000000000, NULL,
	 "how long to watch for commits; 0: do not watch (1s)"},
	CTL_OPTIONS_END,
};

typedef struct {
	const ctl_snapshot *snapshot;
	const ctl_partition *p;
	const ctl_member *owner;
	uint64_t changed_ms; /* the last change of the group's assignment, Unix time; 0: not known */
	double now_ms;
	ctl_diagnosis diagnosis;
} answer;

/* The newest entry of the group's control stream. */
static void got_change(void *arg, size_t number, const seg_reply *reply)
{
	const seg_reply *id = seg_reply_at(seg_reply_at(reply, 0), 0);
	seg_id newest;
	(void)number;
	if (id && seg_id_parse(id->text, &newest) == 0)
		((answer *)arg)->changed_ms = newest.ms;
}

static void got_time(void *arg, size_t number, const seg_reply *reply)
{
	(void)number;
	((answer *)arg)->now_ms = (double)seg_reply_number(seg_reply_at(reply, 0), 0) * 1000;
}

static int read_change(ctl_context *context, const seg_stream *stream, const char *group, answer *a)
{
	char control[SEG_KEY_MAX];
	seg_key_of_stream(control, stream->client->name_space, stream->name, group, "control");
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_words(batch, got_time, a, 0, "TIME", (char *)NULL);
	ctl_batch_words(batch, got_change, a, 0, "XREVRANGE", control, "+", "-", "COUNT", "1", (char *)NULL);
	int exit_code = ctl_batch_run(batch, context->client, "read the group's changes");
	ctl_batch_destroy(batch);
	return exit_code;
}

/* --- printing ---------------------------------------------------------------------------------- */

static void print_owner(const answer *a)
{
	char text[CTL_TEXT_MAX];
	const seg_partition_info *info = &a->p->info;
	ctl_say("Owner         %s", *info->owner ? info->owner : "none");
	if (strcmp(info->owner, info->target) != 0)
		ctl_say(", moving to %s", *info->target ? info->target : "no member");
	if (a->owner && a->owner->lease_left > 0)
		ctl_say("; its lease lasts for another %s", ctl_duration_text(a->owner->lease_left, text));
	else if (a->owner)
		ctl_say("; its lease ended %s ago", ctl_duration_text(-a->owner->lease_left, text));
	ctl_say("\nEpoch         %" PRIu64 "%s%s\n", info->epoch,
		a->p->unreachable   ? ""
		: *a->p->claimed_by ? ", claimed by "
				    : ", not claimed",
		a->p->claimed_by);
	ctl_say("Members       %zu live", a->snapshot->roster.live);
	double ago = (a->now_ms - (double)a->changed_ms) / 1000;
	if (a->changed_ms)
		ctl_say("; the assignment last changed %s ago", ctl_duration_text(ago > 0 ? ago : 0, text));
	putchar('\n');
}

static void print_position(const answer *a)
{
	char position[SEG_ID_TEXT_MAX], last[SEG_ID_TEXT_MAX], oldest[SEG_ID_TEXT_MAX], text[CTL_TEXT_MAX];
	char lanes[CTL_LANES_TEXT_MAX];
	const ctl_partition *p = a->p;
	ctl_say("Position      %s of %s\n", seg_id_format(p->info.position, position),
		seg_id_format(p->info.last, last));
	if (ctl_snapshot_lanes(p, lanes))
		ctl_say("Lanes         %s\n", lanes);
	if (p->waiting) {
		ctl_say("Waiting       %s message%s",
			p->info.lag < 0 ? "an unknown number of"
					: ctl_count_text((uint64_t)p->info.lag, text),
			seg_plural((uint64_t)p->info.lag));
		if (p->beyond)
			ctl_say(" (%s of them done already)", ctl_count_text(p->beyond, text));
		ctl_say(", the oldest (%s) for %s\n", seg_id_format(p->oldest, oldest),
			p->behind < 0 ? "an unknown time" : ctl_duration_text(p->behind, text));
	} else {
		puts("Waiting       nothing");
	}
	if (p->rate >= 0)
		ctl_say("Rate          %.1f/s\n", p->rate);
}

static void print_troubles(const answer *a)
{
	char id[SEG_ID_TEXT_MAX], sentence[SEG_HINDRANCE_SENTENCE_MAX];
	const ctl_partition *p = a->p;
	ctl_say("Crashes       %" PRIu32 " owner%s in a row at this position", p->crashes,
		seg_plural(p->crashes));
	if (p->attempts)
		ctl_say("; suspect: message %s, %" PRIu32 " attempt%s", seg_id_format(p->suspect, id),
			p->attempts, seg_plural(p->attempts));
	if (p->hindrance.kind)
		ctl_say("\nHindered      %s", seg_hindrance_sentence(&p->hindrance, seg_now(), sentence));
	ctl_say("\nDead letters  %" PRIu64, p->info.dead_letters);
	if (p->letters_dropped)
		ctl_say("; %" PRIu64 " older ones were dropped at dead_letter_limit", p->letters_dropped);
	ctl_say("\nLost unread   %" PRIu64 "\n", p->info.lost);
}

static void print_for_people(const answer *a)
{
	if (*a->p->node)
		ctl_say("Node          %s%s\n", a->p->node,
			a->p->unreachable ? ", which does not answer: the position is not known" : "");
	print_owner(a);
	if (!a->p->unreachable) {
		print_position(a);
		print_troubles(a);
	}
	ctl_say("\nCause: %s.\nNext:  %s.\n", a->diagnosis.cause, a->diagnosis.next);
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

/* What is with the messages. */
static void add_state(json_t *object, const ctl_partition *p)
{
	char position[SEG_ID_TEXT_MAX], suspect[SEG_ID_TEXT_MAX];
	bool retries = ctl_snapshot_retries(p);
	json_object_set_new(object, "position", json_string(seg_id_format(p->info.position, position)));
	json_object_set_new(object, "beyond", json_integer((json_int_t)p->beyond));
	json_object_set_new(object, "lanes_busy", json_integer(p->lanes_busy));
	json_object_set_new(object, "slots_waiting", json_integer(p->slots_waiting));
	json_object_set_new(object, "lag", p->info.lag < 0 ? json_null() : json_integer(p->info.lag));
	json_object_set_new(object, "lag_seconds", p->behind < 0 ? json_null() : json_real(p->behind));
	json_object_set_new(object, "rate", p->rate < 0 ? json_null() : json_real(p->rate));
	json_object_set_new(object, "crashes", json_integer(p->crashes));
	json_object_set_new(object, "suspect",
			    p->attempts ? json_string(seg_id_format(p->suspect, suspect)) : json_null());
	json_object_set_new(object, "attempts", json_integer(ctl_snapshot_attempts(p)));
	json_object_set_new(object, "retry_reason",
			    retries ? ctl_json_bytes(p->hindrance.text, strlen(p->hindrance.text))
				    : json_null());
	json_object_set_new(object, "retry_in_seconds",
			    retries ? json_real(ctl_snapshot_retry_in(p)) : json_null());
	json_object_set_new(object, "hindrance", json_string(seg_hindrance_names[p->hindrance.kind]));
	json_object_set_new(object, "dead_letters", json_integer((json_int_t)p->info.dead_letters));
	json_object_set_new(object, "dead_letters_dropped", json_integer((json_int_t)p->letters_dropped));
	json_object_set_new(object, "lost", json_integer((json_int_t)p->info.lost));
}

/* The same fields, all null: the node that has the messages does not answer. */
static void add_no_state(json_t *object)
{
	static const ctl_partition nothing;
	const char *name;
	json_t *value, *state = json_object();
	add_state(state, &nothing);
	json_object_foreach(state, name, value) json_object_set_new(object, name, json_null());
	json_decref(state);
}

static void print_as_json(const answer *a)
{
	const ctl_partition *p = a->p;
	json_t *object = json_pack("{s:i, s:s, s:b, s:s, s:s}", "partition", (int)p->info.partition,
				   "verdict", a->diagnosis.verdict, "wrong", (int)a->diagnosis.wrong, "cause",
				   a->diagnosis.cause, "next", a->diagnosis.next);
	if (*p->node) {
		json_object_set_new(object, "node", json_string(p->node));
		json_object_set_new(object, "unreachable", json_boolean(p->unreachable));
	}
	json_object_set_new(object, "owner", text_or_null(p->info.owner));
	json_object_set_new(object, "target", text_or_null(p->info.target));
	json_object_set_new(object, "claimed_by", text_or_null(p->claimed_by));
	json_object_set_new(object, "epoch", json_integer((json_int_t)p->info.epoch));
	json_object_set_new(object, "lease_left_seconds",
			    a->owner ? json_real(a->owner->lease_left) : json_null());
	json_object_set_new(object, "members", json_integer((json_int_t)a->snapshot->roster.live));
	if (p->unreachable)
		add_no_state(object);
	else
		add_state(object, p);
	ctl_json_print(object, false, stdout);
}

/* --- the command --------------------------------------------------------------------------------- */

static int take_two(seg_stream *stream, const char *group, ctl_snapshot *now)
{
	ctl_snapshot before;
	int exit_code = EX_OK;
	if (given.sample > 0) {
		exit_code = ctl_snapshot_take(stream, group, true, &before);
		if (exit_code)
			return exit_code;
		ctl_pause(given.sample);
	}
	exit_code = ctl_snapshot_take(stream, group, true, now);
	if (given.sample > 0) {
		if (exit_code == EX_OK)
			seg_group_snapshot_compare(&before, now);
		ctl_snapshot_free(&before);
	}
	return exit_code;
}

/* A server that cannot write explains more than what it makes of the group. */
static void blame_server(ctl_context *context, ctl_diagnosis *diagnosis)
{
	ctl_trouble trouble;
	if (!ctl_server_trouble_find(context, &trouble))
		return;
	diagnosis->verdict = "server";
	diagnosis->wrong = true;
	snprintf(diagnosis->cause, sizeof(diagnosis->cause), "%s", trouble.what);
	snprintf(diagnosis->next, sizeof(diagnosis->next), "%s", trouble.remedy);
}

static int explain(ctl_context *context, seg_stream *stream, const char *group, uint32_t partition)
{
	ctl_snapshot snapshot;
	answer a = {.snapshot = &snapshot};
	int exit_code = take_two(stream, group, &snapshot);
	if (exit_code)
		return exit_code;
	a.p = &snapshot.partitions[partition];
	a.owner = seg_roster_find(&snapshot.roster, a.p->info.owner);
	exit_code = read_change(context, stream, group, &a);
	if (exit_code == EX_OK) {
		ctl_diagnose(&snapshot, partition, stream->name, group, (double)given.sample / 1e9,
			     &a.diagnosis);
		blame_server(context, &a.diagnosis);
		if (context->form == CTL_FORM_JSON)
			print_as_json(&a);
		else
			print_for_people(&a);
	}
	ctl_snapshot_free(&snapshot);
	return exit_code;
}

static int why(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	seg_error error;
	int64_t partition;
	(void)argc;
	if (context->form == CTL_FORM_CSV)
		return ctl_complain(
			EX_USAGE,
			"-o csv is not available for one partition; use -o json, or `segctl lag -o csv`");
	if (seg_units_integer(argv[2], &partition, &error))
		return ctl_complain(EX_USAGE, "PARTITION: %s", error.text);
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	if (partition < 0 || partition >= (int64_t)stream->shape.partitions)
		exit_code = ctl_complain(EX_NOINPUT,
					 "stream \"%s\" has partitions 0 to %" PRIu32
					 ", but no partition %" PRId64,
					 argv[0], stream->shape.partitions - 1, partition);
	else
		exit_code = explain(context, stream, argv[1], (uint32_t)partition);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_why = {
	"why",
	NULL,
	"STREAM GROUP PARTITION",
	3,
	3,
	"Shows the likely problem of a partition, and the next step",
	"Names what Redis knows and what the partition's owner has noted there; the owner's log has more. There is no -o csv of it.",
	options,
	why,
};
