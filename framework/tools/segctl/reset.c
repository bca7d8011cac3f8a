/*
 * reset.c - `segctl reset`: sets the position of a group.
 *
 * First segctl plans the move of each partition (reset_plan.c); --dry-run ends here. Then one fenced script for each
 * partition sets the position; framework/lua/reset.lua says why no owner can commit over it unnoticed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

#include "ask.h"
#include "base/plural.h"
#include "batch.h"
#include "command.h"
#include "directory.h"
#include "reset_plan.h"
#include "snapshot.h"
#include "stream/client.h"
#include "when.h"

#define NO_SHIFT INT64_MAX

static struct {
	const char *to;
	int64_t shift, partition;
	bool force, dry_run, keep_state, drop_state, yes;
} given = {.shift = NO_SHIFT, .partition = -1};

/* clang-format off */
static const ctl_option options[] = {
	{"to", 't', "WHERE", CTL_TEXT, &given.to, 0, 0, NULL,
	 CTL_WHEN_HELP},
	{"shift", 's', "N", CTL_NUMBER, &given.shift, -1000000000000, 1000000000000, NULL,
	 "N messages forward; back if N is below 0"},
	{"partition", 'p', "N", CTL_NUMBER, &given.partition, 0, 65535, NULL, "only this partition"},
	{"keep-state", 0, NULL, CTL_FLAG, &given.keep_state, 0, 0, NULL,
	 "leave what handlers keep in state as it is: messages handled again change it again"},
	{"drop-state", 0, NULL, CTL_FLAG, &given.drop_state, 0, 0, NULL,
	 "delete it, in the step that sets the position"},
	{"dry-run", 0, NULL, CTL_FLAG, &given.dry_run, 0, 0, NULL, "only show the new positions"},
	{"force", 0, NULL, CTL_FLAG, &given.force, 0, 0, NULL,
	 "reset even if members are alive; they continue from the new position at once"},
	{"yes", 'y', NULL, CTL_FLAG, &given.yes, 0, 0, NULL, "do not ask"},
	CTL_OPTIONS_END,
};
/* clang-format on */

static void got_reset(void *arg, size_t i, const seg_reply *reply)
{
	ctl_move *m = &((ctl_reset_plan *)arg)->moves[i];
	m->set = seg_reply_is(seg_reply_at(reply, 0), "OK");
	m->moved = seg_reply_is(seg_reply_at(reply, 0), "MOVED");
	m->keeps = seg_reply_is(seg_reply_at(reply, 0), "VALUES");
}

static int set_positions(ctl_reset_plan *plan)
{
	const char *fate = given.keep_state ? "keep" : given.drop_state ? "drop" : "";
	ctl_batch *batch = ctl_batch_create(false);
	for (uint32_t i = 0; i < plan->count; i++) {
		const ctl_move *m = &plan->moves[i];
		char old[SEG_ID_TEXT_MAX] = "", new[SEG_ID_TEXT_MAX], count[24];
		if (!given.force && seg_id_compare(m->old, (seg_id){0, 0}) != 0)
			seg_id_format(m->old, old);
		seg_id_format(m->new, new);
		snprintf(count, sizeof(count), "%s%" PRId64,
			 plan->stream->shape.packing && m->count >= 0 ? "r" : "", m->count);
		const char *argv[] = {m->log, m->state, m->values, plan->group, old, new, count, fate};
		ctl_batch_script(batch, got_reset, plan, i, SEG_SCRIPT_RESET, 3, 8, argv);
	}
	int exit_code = ctl_batch_run(batch, plan->context->client, "set the positions");
	ctl_batch_destroy(batch);
	return exit_code;
}

/* Without this, live owners would notice at their next commit only. */
static int tell_owners(ctl_reset_plan *plan)
{
	const char *name_space = plan->context->client->name_space;
	char partitions[SEG_KEY_MAX], control[SEG_KEY_MAX];
	const char **argv = ctl_allocate(2 + (size_t)plan->count, sizeof(*argv));
	char(*numbers)[16] = ctl_allocate(plan->count, sizeof(*numbers));
	seg_key_of_stream(partitions, name_space, plan->stream->name, plan->group, "partitions");
	seg_key_of_stream(control, name_space, plan->stream->name, plan->group, "control");
	argv[0] = partitions;
	argv[1] = control;
	for (uint32_t i = 0; i < plan->count; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu32, plan->moves[i].partition);
		argv[2 + i] = numbers[i];
	}
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_script(batch, NULL, NULL, 0, SEG_SCRIPT_RENEW, 2, 2 + (int)plan->count, argv);
	int exit_code = ctl_batch_run(batch, plan->context->client, "tell the members");
	ctl_batch_destroy(batch);
	free(numbers);
	free(argv);
	return exit_code;
}

static uint32_t count_set(const ctl_reset_plan *plan)
{
	uint32_t set = 0;
	for (uint32_t i = 0; i < plan->count; i++)
		set += plan->moves[i].set;
	return set;
}

/* Of partitions that refused to be set. EX_OK: there are none. */
static int complain_of_refusals(const ctl_reset_plan *plan)
{
	int exit_code = EX_OK;
	for (uint32_t i = 0; i < plan->count; i++) {
		if (plan->moves[i].moved)
			exit_code = ctl_complain(
				EX_TEMPFAIL,
				"partition %" PRIu32
				" was not set: a member committed in the meantime; stop the group's members, "
				"or use --force",
				plan->moves[i].partition);
		if (plan->moves[i].keeps)
			exit_code = ctl_complain(
				EX_TEMPFAIL,
				"partition %" PRIu32
				" was not set: a handler has begun to keep state in the meantime; use --keep-state "
				"or --drop-state",
				plan->moves[i].partition);
	}
	return exit_code;
}

static int report(const ctl_reset_plan *plan)
{
	int exit_code = complain_of_refusals(plan);
	if (plan->context->form == CTL_FORM_TABLE)
		printf("%" PRIu32 " of %" PRIu32 " partition%s set\n", count_set(plan), plan->count,
		       seg_plural(plan->count));
	return exit_code;
}

/* Whether the same command sets the same positions later, too: not a shift, an age or the end of the log. */
static bool can_be_repeated(void)
{
	seg_start start;
	return given.to && seg_start_parse(given.to, &start, NULL) == 0 && start.kind != SEG_START_LATEST;
}

/* The answers of some partitions did not come. */
static int report_incomplete(const ctl_reset_plan *plan, int exit_code)
{
	complain_of_refusals(plan);
	return ctl_complain(exit_code,
			    "partitions that are known to be set: %" PRIu32 " of %" PRIu32
			    "; others may be set, too: %s",
			    count_set(plan), plan->count,
			    can_be_repeated()
				    ? "run the same command again"
				    : "`segctl lag` shows the positions; set the rest with --partition");
}

/* Nobody can know whether the values suit the new position. */
static int refuse_values(const ctl_reset_plan *plan)
{
	uint64_t values = ctl_reset_plan_values(plan);
	if (values == 0 || given.keep_state || given.drop_state)
		return EX_OK;
	return ctl_complain(CTL_EXIT_NOT_DONE,
			    "group \"%s\" of stream \"%s\" keeps %" PRIu64
			    " value%s in state; use --drop-state to delete them with the reset, or "
			    "--keep-state to leave them: messages handled again change them again",
			    plan->group, plan->stream->name, values, seg_plural(values));
}

static int ask(const ctl_reset_plan *plan)
{
	char dropped[64] = "";
	uint64_t values = ctl_reset_plan_values(plan);
	if (given.drop_state && values)
		snprintf(dropped, sizeof(dropped), ", and delete %" PRIu64 " value%s of its state", values,
			 seg_plural(values));
	return ctl_ask(given.yes,
		       "Set the position of group \"%s\" of stream \"%s\" in %" PRIu32 " partition%s%s",
		       plan->group, plan->stream->name, plan->count, seg_plural(plan->count), dropped);
}

static int refuse(const ctl_reset_plan *plan, const ctl_roster *roster)
{
	int exit_code = given.force ? EX_OK : ctl_roster_refuse_live(roster, plan->stream->name, plan->group);
	return exit_code ? exit_code : refuse_values(plan);
}

static int set_all(ctl_reset_plan *plan, const ctl_roster *roster)
{
	int exit_code = refuse(plan, roster);
	if (exit_code && given.dry_run)
		exit_code = ctl_complain(EX_OK, "so without --dry-run, nothing would be set");
	if (exit_code)
		return exit_code;
	ctl_reset_plan_print(plan);
	if (given.dry_run)
		return EX_OK;
	exit_code = ask(plan);
	if (exit_code)
		return exit_code;
	int unset = set_positions(plan);
	/* Also after a failure: some may be set. */
	if (given.force && roster->live > 0)
		exit_code = tell_owners(plan);
	if (unset)
		return report_incomplete(plan, unset);
	return exit_code ? exit_code : report(plan);
}

static int read_target(ctl_context *context, seg_start *start)
{
	if ((given.to != NULL) + (given.shift != NO_SHIFT) != 1)
		return ctl_complain(
			EX_USAGE,
			"give the new position: --to earliest, latest, an id, a time or an age, or --shift N");
	if (given.keep_state && given.drop_state)
		return ctl_complain(EX_USAGE, "--keep-state and --drop-state exclude each other");
	return given.to ? ctl_when_read(context, "to", given.to, start) : EX_OK;
}

static int check_against(const seg_stream *stream)
{
	int exit_code = ctl_check_partition(stream, given.partition);
	if (exit_code == EX_OK && stream->shape.packing && given.shift != NO_SHIFT)
		exit_code = ctl_complain(
			EX_USAGE,
			"--shift counts entries, but stream \"%s\" packs many messages into one entry; use "
			"--to with an id (segctl tail shows them) or a time",
			stream->name);
	return exit_code;
}

static int reset(ctl_context *context, int argc, char **argv)
{
	seg_start start = {0};
	ctl_reset_plan plan = {.context = context, .group = argv[1]};
	ctl_reset_target target = {given.to ? &start : NULL, given.shift, given.partition};
	ctl_snapshot snapshot = {0};
	(void)argc;
	int exit_code = read_target(context, &start);
	if (exit_code == EX_OK)
		exit_code = ctl_open_stream(context, argv[0], &plan.stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_snapshot_take(plan.stream, plan.group, false, &snapshot);
	if (exit_code == EX_OK)
		exit_code = check_against(plan.stream);
	if (exit_code == EX_OK)
		exit_code = ctl_reset_plan_make(&plan, &snapshot, &target);
	if (exit_code == EX_OK)
		exit_code = set_all(&plan, &snapshot.roster);
	free(plan.moves);
	ctl_snapshot_free(&snapshot);
	seg_stream_close(plan.stream);
	return exit_code;
}

const ctl_command ctl_reset = {
	"reset",
	NULL,
	"STREAM GROUP",
	2,
	2,
	"Sets the position of a group: the message it handles next",
	"The group handles the messages after the new position, some of them again, and skips those before it. Stop the "
	"members first. With --force, live members continue from the new position; a message that is in a handler at that "
	"moment may still take effect. What the group emits to other streams for messages that it handles again is added again. If "
	"its handlers keep state, say what becomes of that: with --keep-state, a message that is handled again changes it again, so that "
	"it is counted twice, say; with --drop-state, the handlers begin with none, and skipped messages are missing in it.",
	options,
	reset,
};
