/* lag.c - `segctl lag`: the lag of each partition of a group, once, repeatedly, or for a monitor. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "command.h"
#include "lag.h"
#include "snapshot.h"
#include "stream/client.h"
#include "table.h"
#include "text.h"

static struct {
	bool watch;
	int64_t interval, sample, max_lag, max_behind;
} given = {.interval = 2000000000, .sample = 500000000, .max_lag = -1, .max_behind = -1};

/* clang-format off */
static const ctl_option options[] = {
	{"watch", 'w', NULL, CTL_FLAG, &given.watch, 0, 0, NULL, "repeat until interrupted"},
	{"interval", 'i', "TIME", CTL_DURATION, &given.interval, 100000000, 3600000000000, NULL,
	 "time between two readings of --watch (2s)"},
	{"sample", 0, "TIME", CTL_DURATION, &given.sample, 0, 60000000000, NULL,
	 "how long to measure rates; 0: do not measure (500ms)"},
	{"max-lag", 0, "N", CTL_NUMBER, &given.max_lag, 0, INT64_MAX, NULL,
	 "exit with 1 if more messages wait, all partitions together"},
	{"max-behind", 0, "TIME", CTL_DURATION, &given.max_behind, 0, INT64_MAX, NULL,
	 "exit with 1 if a message has waited longer"},
	CTL_OPTIONS_END,
};
/* clang-format on */

/* --- the table --------------------------------------------------------------------------------- */

/* The first two columns are only of a cluster, where a partition is on one of several nodes. */
enum { CLUSTER_COLUMNS = 2 };

static const ctl_column columns[] = {
	{"node", "NODE", false},
	{"unreachable", NULL, true},
	{"partition", "PARTITION", true},
	{"owner", "OWNER", false},
	{"target", NULL, false},
	{"epoch", "EPOCH", true},
	{"position", "POSITION", false},
	{"last_id", NULL, false},
	{"lag", "LAG", true},
	{"lag_seconds", "BEHIND", true},
	{"rate", "RATE/S", true},
	{"catch_up_seconds", "CAUGHT UP IN", true},
	{"crashes", NULL, true},
	{"retries", "CRASHES", true},
	{"dead_letters", "DEAD", true},
	{"dead_letters_dropped", NULL, true},
	{"dropped", NULL, true},
	{"lost", "LOST", true},
	{NULL, NULL, false},
};

static void put_name(ctl_table *table, const char *name)
{
	if (*name)
		ctl_table_text(table, name);
	else
		ctl_table_none(table);
}

static void put_partition(ctl_table *table, const ctl_partition *p)
{
	char id[SEG_ID_TEXT_MAX];
	const seg_partition_info *info = &p->info;
	if (*p->node) {
		ctl_table_text(table, p->node);
		ctl_table_number(table, p->unreachable);
	}
	ctl_table_number(table, info->partition);
	put_name(table, info->owner);
	put_name(table, info->target);
	ctl_table_number(table, (int64_t)info->epoch);
	ctl_table_text(table, seg_id_format(info->position, id));
	ctl_table_text(table, seg_id_format(info->last, id));
	if (info->lag < 0)
		ctl_table_none(table);
	else
		ctl_table_number(table, info->lag);
	if (p->unreachable)
		ctl_table_none(table);
	else
		ctl_table_duration(table, p->behind);
	if (p->rate < 0)
		ctl_table_none(table);
	else
		ctl_table_real(table, p->rate);
	if (p->catch_up < 0)
		ctl_table_none(table);
	else
		ctl_table_duration(table, p->catch_up);
	ctl_table_number(table, p->crashes);
	ctl_table_number(table, p->attempts);
	ctl_table_number(table, (int64_t)info->dead_letters);
	ctl_table_number(table, (int64_t)p->letters_dropped);
	ctl_table_number(table, (int64_t)info->dropped);
	ctl_table_number(table, (int64_t)info->lost);
}

static void print_totals(const ctl_snapshot *snapshot)
{
	ctl_totals sum = ctl_snapshot_sum(snapshot);
	char count[CTL_TEXT_MAX], text[CTL_TEXT_MAX];
	printf("\nLive members: %zu, owning %" PRIu32 " of %" PRIu32 " partitions; ", snapshot->roster.live,
	       sum.owned, snapshot->partition_count);
	if (sum.lag < 0)
		printf("at most %s messages wait", ctl_count_text((uint64_t)sum.lag_most, count));
	else
		printf("%s message%s wait%s", ctl_count_text((uint64_t)sum.lag, count),
		       ctl_plural((uint64_t)sum.lag), sum.lag == 1 ? "s" : "");
	if (sum.behind > 0)
		printf(", the oldest for %s", ctl_duration_text(sum.behind, text));
	if (sum.rate >= 0)
		printf("; %.1f/s handled", sum.rate);
	putchar('\n');
	ctl_snapshot_print_unreachable(snapshot);
}

void ctl_lag_print(const ctl_snapshot *snapshot, ctl_form form, bool one_line)
{
	bool cluster = *snapshot->partitions[0].node;
	ctl_table *table = ctl_table_create(columns + (cluster ? 0 : CLUSTER_COLUMNS));
	for (uint32_t p = 0; p < snapshot->partition_count; p++)
		put_partition(table, &snapshot->partitions[p]);
	if (form == CTL_FORM_JSON)
		ctl_json_print(ctl_table_json(table), one_line, stdout);
	else
		ctl_table_print(table, form, "", stdout);
	if (form == CTL_FORM_TABLE)
		print_totals(snapshot);
	ctl_table_destroy(table);
}

/* --- the command ------------------------------------------------------------------------------------ */

static const ctl_partition *first_unreachable(const ctl_snapshot *snapshot)
{
	for (uint32_t p = 0; p < snapshot->partition_count; p++)
		if (snapshot->partitions[p].unreachable)
			return &snapshot->partitions[p];
	return NULL;
}

static int judge(const ctl_snapshot *snapshot, const char *stream, const char *group)
{
	ctl_totals sum = ctl_snapshot_sum(snapshot);
	char behind[CTL_TEXT_MAX], limit[CTL_TEXT_MAX];
	int64_t lag = sum.lag < 0 ? sum.lag_most : sum.lag;
	double max_behind = (double)given.max_behind / 1e9;
	const ctl_partition *unknown =
		given.max_lag >= 0 || given.max_behind >= 0 ? first_unreachable(snapshot) : NULL;
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
				    ctl_plural((uint64_t)lag), lag == 1 ? "s" : "", given.max_lag);
	if (given.max_behind >= 0 && sum.behind > max_behind)
		return ctl_complain(
			CTL_EXIT_LIMIT,
			"group \"%s\" of stream \"%s\": a message has waited for %s, longer than %s", group,
			stream, ctl_duration_text(sum.behind, behind), ctl_duration_text(max_behind, limit));
	return EX_OK;
}

/* Replaces `last`, which may be empty, by a new snapshot with rates. */
static int look(seg_stream *stream, const char *group, ctl_snapshot *last)
{
	ctl_snapshot now;
	int exit_code = ctl_snapshot_take(stream, group, true, &now);
	if (exit_code)
		return exit_code;
	seg_group_snapshot_compare(last, &now);
	ctl_snapshot_free(last);
	*last = now;
	return EX_OK;
}

static int show(ctl_context *context, seg_stream *stream, const char *group, ctl_snapshot *last)
{
	int exit_code = look(stream, group, last);
	if (exit_code)
		return exit_code;
	bool screen = given.watch && context->form == CTL_FORM_TABLE && isatty(STDOUT_FILENO);
	if (screen) {
		fputs("\033[H\033[J", stdout);
		printf("%s of %s, every %.1f s\n\n", group, stream->name, (double)given.interval / 1e9);
	}
	ctl_lag_print(last, context->form, given.watch);
	if (given.watch && !screen && context->form == CTL_FORM_TABLE)
		putchar('\n');
	if (fflush(stdout))
		return ctl_complain(EX_IOERR, "cannot write to standard output");
	return judge(last, stream->name, group);
}

static int lag(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	ctl_snapshot last = {0};
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	if (given.sample > 0) {
		exit_code = look(stream, argv[1], &last);
		ctl_pause(exit_code ? 0 : given.sample);
	}
	if (exit_code == EX_OK)
		exit_code = show(context, stream, argv[1], &last);
	while (given.watch && exit_code == EX_OK) {
		ctl_pause(given.interval);
		exit_code = show(context, stream, argv[1], &last);
	}
	ctl_snapshot_free(&last);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_lag = {
	"lag",
	NULL,
	"STREAM GROUP",
	2,
	2,
	"Shows how far behind each partition of a group is",
	"NODE (on a cluster): the Redis server that has the partition. BEHIND: age of the oldest uncommitted message. CRASHES: owners that crashed while they handled the next "
	"message. LOST: messages removed from the log unread. With --max-lag or --max-behind the command is a "
	"monitor's check: above a limit, it names the limit on standard error and exits with 1.",
	options,
	lag,
};
