/*
 * latency.c - the time from just before the send to the call of the handler, in an open loop at fixed rates:
 * segrunner beside a bare XADD that wakes a blocked XREAD.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "measure/usage.h"
#include "report/goals.h"
#include "ways/group.h"
#include "ways/host.h"
#include "ways/receiver.h"
#include "ways/sender.h"

/* The length of the warm-up and of the measurement in a round. */
enum { WARM_UP_MS = 300, ROUND_MS = 2000, QUICK_ROUND_MS = 500 };

typedef struct {
	const char *name;
	bench_sender_kind sender;
	bool bare;          /* whether a blocked XREAD receives; else a segrunner */
	const char *runner; /* more lines for the segrunner's section [runner] */
} path;

typedef struct {
	uint32_t rate;
	uint32_t partitions;
	/* The first path is the bare one, the second begins with XADD, the last with the producer. */
	const path *paths;
	int path_count;
	/* The goals relative to the bare path: latency-xadd-p50-GOALS of the second, latency-p50-GOALS of the last; p99. */
	const char *goals;
} latency_case;

/* --- a round ---------------------------------------------------------------------------------------- */

static pid_t start_runner(bench_workload *workload, const path *p)
{
	bench_host_options options = {.group = "latency",
				      .runner = p->runner,
				      .consumer = "option.latency = yes"};
	pid_t pid = bench_host_start(workload, &options);
	bench_group_wait_claimed(workload, "latency");
	return pid;
}

static void run_round(bench_workload *workload, const latency_case *c, const path *p, bool quick,
		      bench_histogram *histogram)
{
	bench_sender sender = {
		.workload = workload,
		.kind = p->sender,
		.rate = c->rate,
		.warm_up = (uint64_t)c->rate * WARM_UP_MS / 1000,
		.messages = (uint64_t)c->rate * (quick ? QUICK_ROUND_MS : ROUND_MS) / 1000,
	};
	uint64_t all = sender.warm_up + sender.messages;
	bench_workload_clear(workload);
	bench_workload_reset(workload);
	pid_t pid = p->bare ? bench_receiver_start(workload) : start_runner(workload, p);
	bench_process_wait(bench_sender_start(&sender), "the sender");
	bench_host_wait_arrived(workload, all);
	if (p->bare)
		bench_process_kill(pid);
	else
		bench_host_stop(pid);
	memset(histogram, 0, sizeof(*histogram));
	for (uint32_t i = 0; i < workload->partitions; i++)
		bench_histogram_merge(histogram, &workload->tally->latency[i]);
	if (bench_histogram_count(histogram) != sender.messages)
		errx(EX_SOFTWARE, "%s: %" PRIu64 " messages have a latency; expected %" PRIu64, p->name,
		     bench_histogram_count(histogram), sender.messages);
}

/* --- a case -------------------------------------------------------------------------------------------- */

typedef enum { P50, P99, P999, HIGHEST, QUANTILES = REPORT_QUANTILES } quantile;

enum { PATHS_MAX = 4 };

typedef struct {
	bench_series series[PATHS_MAX][QUANTILES];
} latencies;

static void add_round(bench_series *series, const bench_histogram *histogram)
{
	static const double fractions[] = {[P50] = 0.5, [P99] = 0.99, [P999] = 0.999};
	for (int q = 0; q < HIGHEST; q++)
		bench_series_add(&series[q], bench_histogram_quantile(histogram, fractions[q]) / 1000);
	bench_series_add(&series[HIGHEST], (double)histogram->highest / 1000);
}

/* Notes a path's latency relative to the bare path's in the same round, if that has a goal. */
static void report_ratio(bench_report *report, const latency_case *c, const latencies *l, int p,
			 const char *name)
{
	static const char *const names[] = {[P50] = "p50", [P99] = "p99"};
	for (quantile q = P50; q <= P99; q++) {
		char goal[64];
		bench_series ratio = {0};
		const bench_series *ours = &l->series[p][q], *bare = &l->series[0][q];
		snprintf(goal, sizeof(goal), "%s-%s-%s", name, names[q], c->goals);
		if (!bench_goal_find(goal))
			continue;
		for (size_t i = 0; i < ours->count; i++)
			bench_series_add(&ratio, ours->values[i] / bare->values[i]);
		bench_report_ratio(report, goal, &ratio);
	}
}

static void report_case(bench_report *report, const latency_case *c, const latencies *l)
{
	bench_report_latency_heading(c->rate, c->partitions, l->series[0][P50].count);
	for (int i = 0; i < c->path_count; i++)
		bench_report_latency(report, c->rate, c->partitions, c->paths[i].name, l->series[i]);
	report_ratio(report, c, l, 1, "latency-xadd");
	report_ratio(report, c, l, c->path_count - 1, "latency");
}

/* Repeats a disturbed round; takes the round that other programs disturbed least. */
static void run_quietly(bench_context *context, const latency_case *c, const path *p, bench_histogram *best)
{
	bench_histogram histogram;
	double least = 2;
	for (int i = 0; i < USAGE_TRIES && least > USAGE_DISTURBED; i++) {
		bench_usage since = bench_usage_now(&context->server);
		run_round(&context->workload, c, p, context->options.quick, &histogram);
		double others = bench_usage_of_others(&since, &context->server);
		if (others < least)
			*best = histogram;
		least = others < least ? others : least;
	}
}

static void measure(bench_context *context, const latency_case *c)
{
	latencies *l = calloc(1, sizeof(*l));
	bench_histogram histogram;
	size_t rounds = bench_experiment_rounds(context);
	if (!l)
		err(EX_OSERR, "cannot allocate the latencies");
	bench_workload_set(&context->workload, c->partitions, 100, 0);
	for (size_t round = 0; round < rounds; round++)
		for (int i = 0; i < c->path_count; i++) {
			bench_progress("latency at %" PRIu32 "/s: round %zu of %zu, %s", c->rate, round + 1,
				       rounds, c->paths[i].name);
			run_quietly(context, c, &c->paths[i], &histogram);
			add_round(l->series[i], &histogram);
		}
	report_case(&context->report, c, l);
	free(l);
}

static void run(bench_context *context)
{
	static const path slow[] = {
		{"XADD to XREAD", SENDER_XADD, true, ""},
		{"XADD to segrunner", SENDER_XADD, false, ""},
		{"send to segrunner", SENDER_SEND, false, ""},
		{"producer to segrunner", SENDER_PRODUCER, false, ""},
	};
	/* Without seg_stream_send, which waits for each reply and cannot send this fast. */
	static const path fast[] = {
		{"XADD to XREAD", SENDER_XADD, true, ""},
		{"XADD to segrunner", SENDER_XADD, false, ""},
		{"producer to segrunner", SENDER_PRODUCER, false, ""},
	};
	static const path spin[] = {
		{"XADD to XREAD", SENDER_XADD, true, ""},
		{"XADD to spinning segrunner", SENDER_XADD, false, "idle = spin"},
		{"producer to spinning segrunner", SENDER_PRODUCER, false, "idle = spin"},
	};
	measure(context, &(latency_case){1000, 8, slow, 4, "1000"});
	measure(context, &(latency_case){20000, 8, fast, 3, "20000"});
	measure(context, &(latency_case){1000, 1, spin, 3, "spin"});
}

const bench_experiment bench_experiment_latency = {
	.name = "latency",
	.help = "time from a send to the call of the handler, at fixed rates",
	.run = run,
};
