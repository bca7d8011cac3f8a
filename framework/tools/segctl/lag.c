/* lag.c - `segctl lag`: the lag of each partition of a group, or of all groups; once, repeatedly, or for a monitor. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/plural.h"
#include "command.h"
#include "directory.h"
#include "fleet.h"
#include "lag_list.h"
#include "patience.h"
#include "stream/client.h"
#include "text.h"

/* A shorter time may not reach a busy Redis, and the last complaint would be about that, not about what was waited for. */
#define LEAST_PATIENCE SEG_SECOND

static struct {
	bool watch;
	int64_t interval, sample, max_lag, max_behind, partition, wait;
} given = {.interval = 2000000000,
	   .sample = 500000000,
	   .max_lag = -1,
	   .max_behind = -1,
	   .partition = -1,
	   .wait = -1};

/* clang-format off */
static const ctl_option options[] = {
	{"partition", 'p', "N", CTL_NUMBER, &given.partition, 0, 65535, NULL, "only this partition"},
	{"watch", 'w', NULL, CTL_FLAG, &given.watch, 0, 0, NULL, "repeat until interrupted"},
	{"interval", 'i', "TIME", CTL_DURATION, &given.interval, 100000000, 3600000000000, NULL,
	 "time between two readings of --watch (2s)"},
	{"sample", 0, "TIME", CTL_DURATION, &given.sample, 0, 60000000000, NULL,
	 "how long to measure rates; 0: do not measure (500ms)"},
	{"max-lag", 0, "N", CTL_NUMBER, &given.max_lag, 0, INT64_MAX, NULL,
	 "exit with 1 if more messages of a group wait, all partitions together"},
	{"max-behind", 0, "TIME", CTL_DURATION, &given.max_behind, 0, INT64_MAX, NULL,
	 "exit with 1 if a message has waited longer"},
	{"wait", 0, "[TIMEOUT]", CTL_PATIENCE, &given.wait, 1000000, 31536000000000000, NULL,
	 "wait until all messages are handled, or --max-lag and --max-behind hold; for TIMEOUT (30s, 5min), and up to 1s more for the last look"},
	CTL_OPTIONS_END,
};
/* clang-format on */

typedef struct {
	ctl_context *context;
	const char *stream, *group; /* NULL: all */
	ctl_fleet fleet;
	bool looked; /* the last attempt of --wait has read all groups */
} watching;

/* --- limits ---------------------------------------------------------------------------------------- */

static bool is_check(void)
{
	return given.max_lag >= 0 || given.max_behind >= 0;
}

static int judge(const ctl_snapshot *snapshot, const char *stream, const char *group)
{
	ctl_totals sum = ctl_snapshot_sum(snapshot);
	char behind[CTL_TEXT_MAX], limit[CTL_TEXT_MAX];
	int64_t lag = sum.lag < 0 ? sum.lag_most : sum.lag;
	double max_behind = (double)given.max_behind / 1e9;
	const ctl_partition *unknown = ctl_snapshot_first_unreachable(snapshot);
	if (unknown)
		return ctl_complain(EX_UNAVAILABLE,
				    "group \"%s\" of stream \"%s\": the lag of partition %" PRIu32
				    " is not known, because %s does not answer",
				    group, stream, unknown->info.partition, unknown->node);
	if (given.max_lag >= 0 && lag > given.max_lag)
		return ctl_complain(CTL_EXIT_LIMIT,
				    "group \"%s\" of stream \"%s\": %s%" PRId64
				    " message%s wait%s, more than %" PRId64,
				    group, stream, sum.lag < 0 ? "up to " : "", lag,
				    seg_plural((uint64_t)lag), seg_verb_ending((uint64_t)lag), given.max_lag);
	if (given.max_behind >= 0 && sum.ahead > 0)
		return ctl_complain(
			CTL_EXIT_LIMIT,
			"group \"%s\" of stream \"%s\": a message waits, and nobody can tell for how long: its id is "
			"%s ahead of Redis's clock, or another's is; set that clock right",
			group, stream, ctl_duration_text(sum.ahead, behind));
	if (given.max_behind >= 0 && sum.behind > max_behind)
		return ctl_complain(
			CTL_EXIT_LIMIT,
			"group \"%s\" of stream \"%s\": a message has waited for %s, longer than %s", group,
			stream, ctl_duration_text(sum.behind, behind), ctl_duration_text(max_behind, limit));
	return EX_OK;
}

/* The exit code of the first group that is above a limit; each such group has its line on standard error. */
static int judge_all(const watching *w)
{
	int exit_code = EX_OK;
	for (size_t i = 0; i < w->fleet.count && is_check(); i++) {
		const ctl_fleet_group *group = &w->fleet.groups[i];
		ctl_snapshot view;
		if (!ctl_lag_list_view(&group->now, given.partition, &view))
			continue;
		int found = judge(&view, seg_stream_name(group->stream), group->name);
		exit_code = exit_code ? exit_code : found;
	}
	return exit_code;
}

/* The one line of a check that found nothing. */
static void print_good(const watching *w)
{
	char count[CTL_TEXT_MAX], behind[CTL_TEXT_MAX];
	int64_t lag = 0;
	double oldest = 0;
	for (size_t i = 0; i < w->fleet.count; i++) {
		ctl_snapshot view;
		if (!ctl_lag_list_view(&w->fleet.groups[i].now, given.partition, &view))
			continue;
		ctl_totals sum = ctl_snapshot_sum(&view);
		lag += sum.lag < 0 ? sum.lag_most : sum.lag;
		oldest = sum.behind > oldest ? sum.behind : oldest;
	}
	if (w->group)
		ctl_say("group \"%s\" of stream \"%s\": ", w->group, w->stream);
	else
		ctl_say("%zu group%s: ", w->fleet.count, seg_plural(w->fleet.count));
	ctl_say("%s message%s wait%s", ctl_count_text((uint64_t)lag, count), seg_plural((uint64_t)lag),
		seg_verb_ending((uint64_t)lag));
	if (oldest > 0)
		ctl_say(", the oldest for %s", ctl_duration_text(oldest, behind));
	putchar('\n');
}

/* --- showing ---------------------------------------------------------------------------------------- */

static void print_all(const watching *w)
{
	ctl_form form = w->context->form;
	bool screen = given.watch && form == CTL_FORM_TABLE && isatty(STDOUT_FILENO);
	ctl_snapshot view;
	if (screen) {
		fputs("\033[H\033[J", stdout);
		ctl_say("%s of %s, every %.1f s\n\n", w->group ? w->group : "all groups",
			w->stream ? w->stream : "all streams", (double)given.interval / 1e9);
	}
	if (w->group && ctl_lag_list_view(&w->fleet.groups[0].now, given.partition, &view))
		ctl_lag_list_print(&view, form, given.watch);
	else
		ctl_lag_list_print_fleet(&w->fleet, form, given.watch, given.partition);
	if (given.watch && !screen && form == CTL_FORM_TABLE)
		putchar('\n');
}

static int show(watching *w)
{
	bool one_line = is_check() && !given.watch && w->context->form == CTL_FORM_TABLE;
	int exit_code = given.watch ? ctl_fleet_follow(w->context, w->stream, w->group, &w->fleet)
				    : ctl_fleet_look(&w->fleet);
	if (exit_code)
		return exit_code;
	if (w->group && w->fleet.unreadable.count > 0)
		return ctl_unreadables_complain(&w->fleet.unreadable);
	if (!one_line)
		print_all(w);
	exit_code = ctl_flush();
	if (exit_code)
		return exit_code;
	exit_code = judge_all(w);
	int left_out = ctl_unreadables_complain(&w->fleet.unreadable);
	/* --watch goes on: somebody may mend it. */
	if (exit_code == EX_OK && !given.watch)
		exit_code = left_out;
	if (one_line && exit_code == EX_OK)
		print_good(w);
	return exit_code;
}

/* A stream without groups, too, must be there, and have the partition. */
static int find(watching *w)
{
	seg_stream *opened = NULL;
	int exit_code = ctl_fleet_find(w->context, w->stream, w->group, &w->fleet);
	if (exit_code == EX_OK && w->stream && w->fleet.count == 0)
		exit_code = ctl_open_stream(w->context, w->stream, &opened);
	if (exit_code == EX_OK && w->stream)
		exit_code = ctl_check_partition(opened ? opened : w->fleet.groups[0].stream, given.partition);
	seg_stream_close(opened);
	return exit_code;
}

/* --- --wait ------------------------------------------------------------------------------------------ */

/* Nobody has handled anything yet, where no group is there. */
static int expect_a_group(const watching *w)
{
	ctl_snapshot view;
	for (size_t i = 0; i < w->fleet.count; i++)
		if (ctl_lag_list_view(&w->fleet.groups[i].now, given.partition, &view))
			return EX_OK;
	if (w->stream)
		return ctl_complain(
			EX_NOINPUT,
			"stream \"%s\" has no group yet; a group is there once its first member has started",
			w->stream);
	if (w->fleet.count > 0)
		return ctl_complain(EX_NOINPUT,
				    "no stream that has a group has a partition %" PRId64
				    "; `segctl stream list` lists the streams and their partitions",
				    given.partition);
	return ctl_complain(
		EX_NOINPUT,
		"no stream of namespace \"%s\" has a group yet; `segctl stream list` lists the streams",
		w->context->client->name_space);
}

/* Whether the groups are within the limits now. Streams are opened anew each time: one may be made, or made again. */
static int look(void *arg, int64_t left)
{
	watching *w = arg;
	int exit_code = EX_OK;
	left = left > LEAST_PATIENCE ? left : LEAST_PATIENCE;
	w->looked = false;
	w->fleet.deadline = left < CTL_FOR_EVER / 2 ? seg_now() + left : 0;
	ctl_context_bound(w->context, left);
	if (!w->context->client)
		exit_code = ctl_context_open(w->context);
	if (exit_code == EX_OK)
		exit_code = find(w);
	if (exit_code == EX_OK)
		exit_code = ctl_fleet_look(&w->fleet);
	w->looked = exit_code == EX_OK;
	/* A node of a cluster that does not answer is no reason to leave the others. */
	if (exit_code == EX_UNAVAILABLE) {
		ctl_fleet_free(&w->fleet);
		ctl_context_close(w->context);
	}
	if (exit_code == EX_OK)
		exit_code = ctl_unreadables_complain(&w->fleet.unreadable);
	if (exit_code == EX_OK)
		exit_code = expect_a_group(w);
	if (exit_code == EX_OK)
		exit_code = judge_all(w);
	return exit_code;
}

static int run_wait(watching *w)
{
	if (given.watch)
		return ctl_complain(EX_USAGE, "--watch and --wait exclude each other: --watch never ends");
	if (!is_check())
		given.max_lag = 0;
	int exit_code = ctl_persist(given.wait, look, w);
	bool table = w->context->form == CTL_FORM_TABLE;
	if (exit_code == EX_OK && table)
		print_good(w);
	else if (w->looked && !table)
		print_all(w);
	int unwritten = ctl_flush();
	return unwritten ? unwritten : exit_code;
}

/* --- the command ------------------------------------------------------------------------------------ */

static int run_lag(watching *w)
{
	/* A check shows no rates. */
	int64_t sample = is_check() && !given.watch && w->context->form == CTL_FORM_TABLE ? 0 : given.sample;
	int exit_code = ctl_context_open(w->context);
	if (exit_code == EX_OK)
		exit_code = find(w);
	if (exit_code == EX_OK && sample > 0) {
		exit_code = ctl_fleet_look(&w->fleet);
		ctl_pause(exit_code ? 0 : sample);
	}
	if (exit_code == EX_OK)
		exit_code = show(w);
	while (given.watch && exit_code == EX_OK) {
		ctl_pause(given.interval);
		exit_code = show(w);
	}
	return exit_code;
}

static int lag(ctl_context *context, int argc, char **argv)
{
	watching w = {.context = context,
		      .stream = argc > 0 ? argv[0] : NULL,
		      .group = argc > 1 ? argv[1] : NULL};
	int exit_code = given.wait < 0 ? run_lag(&w) : run_wait(&w);
	ctl_fleet_free(&w.fleet);
	return exit_code;
}

const ctl_command ctl_lag = {
	.noun = "lag",
	.arguments = "[STREAM [GROUP]]",
	.arguments_max = 2,
	.summary = "Shows how far behind each partition of a group, or of all groups, is",
	.more = "NODE (on a cluster): the Redis server that has the partition. BEHIND: age of the oldest uncommitted message. "
		"CRASHES: owners in a row that crashed at this position. ATTEMPTS: how often the next message was tried. LOST: "
		"messages removed from the log unread. With --max-lag or --max-behind the command is a monitor's check: it prints "
		"one line, or with -o the document as well; above a limit the line names the limit on standard error, and the "
		"command exits with 1. --wait looks until all is well: also until Redis answers, and the stream and the group, or "
		"without GROUP any group, are there. If the time is up before, the command exits as it would without --wait, and "
		"prints the document of -o; where no group is there it exits with 66. Without a TIMEOUT it waits as long as it "
		"takes. A stream or group that cannot be read, because another program wrote over one of its keys, is left out: a "
		"line on standard error names the key, and the command exits with 76.",
	.options = options,
	.run = lag,
	.connects = true,
};
