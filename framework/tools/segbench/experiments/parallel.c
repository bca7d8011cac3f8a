/*
 * parallel.c - what `parallel` gains: a handler that takes 10 ms for each message, with 16 lanes a partition to one, and with 16 lanes
 * while one key fails for ever; and what it costs: a handler that does nothing, with 8 lanes to one. The same of a pull consumer, with as
 * many threads that poll as batches may be held, but for those that do nothing: there are 8 of them, or one. Each rate is that of the middle of a round, so that neither the start nor the last messages of single keys count.
 */
#include <inttypes.h>
#include <stdio.h>

#include "experiments/experiment.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "ways/host.h"
#include "ways/keyed.h"
#include "ways/pollers.h"

enum { PARTITIONS = 8, KEYS = 10000, SIZE = 100, LANES = 16, EMPTY_LANES = 8 };

/* Of a round of the slow handler, a lane. */
enum { SLOW_MESSAGES = 2400, QUICK_SLOW_MESSAGES = 800 };

#define SLOW "option.delay = 10ms\n"
enum { POLL_DELAY_NS = 10000000 };
#define FAILING "option.failing = key-0\nmax_attempts = 0\nretry_backoff = 10ms\n"

typedef struct {
	const char *name;
	const char *consumer;
	uint32_t lanes;
	bool slow;
	uint32_t threads; /* that poll a pull consumer; 0: a segrunner */
	bench_series rates;
} variant;

enum {
	ONE,
	MANY,
	ONE_FAILS,
	POLL_ONE,
	POLL_MANY,
	EMPTY_ONE,
	EMPTY_MANY,
	POLL_EMPTY_ONE,
	POLL_EMPTY_MANY,
	POLL_ALONE_ONE,
	POLL_ALONE_MANY,
	VARIANTS
};

static pid_t start(bench_workload *workload, const variant *v)
{
	static int rounds;
	char group[32], consumer[256];
	snprintf(group, sizeof(group), "parallel-%d", rounds++);
	snprintf(consumer, sizeof(consumer), "parallel = %" PRIu32 "\n%s", v->lanes, v->consumer);
	const bench_host_options options = {.group = group,
					    .runner = "",
					    .consumer = consumer,
					    .plugin = "segbench_work.so"};
	bench_pollers pollers = {.workload = workload,
				 .group = group,
				 .parallel = v->lanes,
				 .threads = v->threads,
				 .delay = v->slow ? POLL_DELAY_NS : 0};
	return v->threads ? bench_pollers_start(&pollers) : bench_host_start(workload, &options);
}

/* Messages a second in the middle of a round. */
static double measure(bench_workload *workload, const variant *v)
{
	bench_workload_reset(workload);
	pid_t pid = start(workload, v);
	double rate = bench_keyed_rate(workload, workload->messages);
	if (v->threads)
		bench_process_kill(pid);
	else
		bench_host_stop(pid);
	return rate;
}

static void measure_slow(bench_context *context, variant *v)
{
	bench_workload *workload = &context->workload;
	uint64_t messages = context->options.quick ? QUICK_SLOW_MESSAGES : SLOW_MESSAGES;
	bench_workload_set(workload, PARTITIONS, SIZE, messages * v->lanes);
	bench_keyed_fill(workload, KEYS / PARTITIONS, 0);
	bench_series_add(&v->rates, measure(workload, v));
}

static void measure_empty(bench_context *context, variant variants[VARIANTS])
{
	bench_workload_set(&context->workload, PARTITIONS, SIZE, bench_experiment_messages(context));
	bench_keyed_fill(&context->workload, KEYS / PARTITIONS, 0);
	for (int i = EMPTY_ONE; i < VARIANTS; i++)
		bench_series_add(&variants[i].rates, measure(&context->workload, &variants[i]));
}

static void report_ratio(bench_report *report, const char *goal, const variant *of, const variant *to)
{
	bench_series series = {0};
	for (size_t i = 0; i < of->rates.count; i++)
		bench_series_add(&series, of->rates.values[i] / to->rates.values[i]);
	bench_report_ratio(report, goal, &series);
}

static void run(bench_context *context)
{
	variant variants[VARIANTS] = {
		[ONE] = {"10 ms a message, parallel = 1", SLOW, 1, true, 0, {0}},
		[MANY] = {"10 ms a message, parallel = 16", SLOW, LANES, true, 0, {0}},
		[ONE_FAILS] = {"the same, one key fails for ever", SLOW FAILING, LANES, true, 0, {0}},
		[POLL_ONE] = {"polled, 10 ms a message, parallel = 1", "", 1, true, PARTITIONS, {0}},
		[POLL_MANY] =
			{"polled, 10 ms a message, parallel = 16", "", LANES, true, PARTITIONS * LANES, {0}},
		[EMPTY_ONE] = {"an empty handler, parallel = 1", "", 1, false, 0, {0}},
		[EMPTY_MANY] = {"an empty handler, parallel = 8", "", EMPTY_LANES, false, 0, {0}},
		[POLL_EMPTY_ONE] =
			{"polled, 8 threads do nothing, parallel = 1", "", 1, false, PARTITIONS, {0}},
		[POLL_EMPTY_MANY] = {"polled, 8 threads do nothing, parallel = 8",
				     "",
				     EMPTY_LANES,
				     false,
				     PARTITIONS,
				     {0}},
		[POLL_ALONE_ONE] = {"polled, one thread does nothing, parallel = 1", "", 1, false, 1, {0}},
		[POLL_ALONE_MANY] =
			{"polled, one thread does nothing, parallel = 8", "", EMPTY_LANES, false, 1, {0}},
	};
	size_t rounds = bench_experiment_rounds(context);
	for (size_t round = 0; round < rounds; round++) {
		bench_progress("parallel: round %zu of %zu", round + 1, rounds);
		for (int i = 0; i < VARIANTS; i++)
			if (variants[i].slow)
				measure_slow(context, &variants[i]);
		measure_empty(context, variants);
	}
	bench_report_heading("parallel: 8 partitions, 10,000 keys");
	for (int i = 0; i < VARIANTS; i++)
		bench_report_figure(&context->report, "parallel", variants[i].name, "messages/s",
				    &variants[i].rates);
	report_ratio(&context->report, "parallel", &variants[MANY], &variants[ONE]);
	report_ratio(&context->report, "parallel-one-fails", &variants[ONE_FAILS], &variants[MANY]);
	report_ratio(&context->report, "parallel-empty", &variants[EMPTY_MANY], &variants[EMPTY_ONE]);
	report_ratio(&context->report, "parallel-polled", &variants[POLL_MANY], &variants[POLL_ONE]);
	report_ratio(&context->report, "parallel-polled-empty", &variants[POLL_EMPTY_MANY],
		     &variants[POLL_EMPTY_ONE]);
	report_ratio(&context->report, "parallel-polled-alone", &variants[POLL_ALONE_MANY],
		     &variants[POLL_ALONE_ONE]);
}

const bench_experiment bench_experiment_parallel = {
	.name = "parallel",
	.help = "lanes: slow, failing, empty handlers; pull consumers, too",
	.run = run,
};
