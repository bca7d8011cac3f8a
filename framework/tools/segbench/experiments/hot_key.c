/*
 * hot_key.c - what the other keys lose while a key with 5 % of its partition's messages (--failing) fails for ever, with 8 lanes and a
 * handler that does nothing. Nearly everything is then done beyond the position. Each rate is that of the other keys' messages, in the
 * middle of a round.
 */
#include <inttypes.h>
#include <stdio.h>

#include "experiments/experiment.h"
#include "measure/progress.h"
#include "ways/host.h"
#include "ways/keyed.h"

/* MESSAGES: below the default beyond_limit of 100,000 a partition. */
enum { PARTITIONS = 8, KEYS = 1250, SIZE = 100, HOT_PERCENT = 5, MESSAGES = 640000 };

#define LANES "parallel = 8\n"
#define FAILING "option.failing = hot\nmax_attempts = 0\nretry_backoff = 10ms\n"

/* Messages a second in the middle of a round, of which so many are handled. */
static double measure(bench_workload *workload, const char *consumer, uint64_t messages)
{
	static int rounds;
	char group[32];
	snprintf(group, sizeof(group), "hot-key-%d", rounds++);
	bench_host_options options = {.group = group,
				      .runner = "",
				      .consumer = consumer,
				      .plugin = "segbench_work.so"};
	bench_workload_reset(workload);
	pid_t pid = bench_host_start(workload, &options);
	double rate = bench_keyed_rate(workload, messages);
	bench_host_stop(pid);
	return rate;
}

/* The others' part of the messages: where all is well, the hot key's are handled, and do not count. */
static void measure_both(bench_workload *workload, uint32_t hot, bool fails_first, double *well,
			 double *fails)
{
	uint64_t others = workload->messages * (100 - hot) / 100;
	bench_keyed_fill(workload, KEYS, hot);
	/* In turn, so that none always finds the machine as the other one left it. */
	if (fails_first)
		*fails = measure(workload, LANES FAILING, others);
	*well = measure(workload, LANES, workload->messages) * (100 - hot) / 100;
	if (!fails_first)
		*fails = measure(workload, LANES FAILING, others);
}

static void report(bench_context *context, uint32_t hot, const bench_series *well, const bench_series *fails)
{
	char heading[128];
	bench_series ratio = {0};
	for (size_t i = 0; i < well->count; i++)
		bench_series_add(&ratio, fails->values[i] / well->values[i]);
	snprintf(heading, sizeof(heading),
		 "hot-key: 8 partitions, 8 lanes, an empty handler, a key with %" PRIu32
		 " %% of the messages",
		 hot);
	bench_report_heading(heading);
	bench_report_figure(&context->report, "hot-key", "the other keys, all is well", "messages/s", well);
	bench_report_figure(&context->report, "hot-key", "the same, the key fails for ever", "messages/s",
			    fails);
	bench_report_ratio(&context->report, "hot-key-fails", &ratio);
}

static void run(bench_context *context)
{
	uint64_t messages = bench_experiment_messages(context);
	uint32_t hot = context->options.failing ? (uint32_t)context->options.failing : HOT_PERCENT;
	bench_series well = {0}, fails = {0};
	size_t rounds = bench_experiment_rounds(context);
	bench_workload_set(&context->workload, PARTITIONS, SIZE, messages < MESSAGES ? messages : MESSAGES);
	for (size_t round = 0; round < rounds; round++) {
		double rate_well, rate_fails;
		bench_progress("hot-key: round %zu of %zu", round + 1, rounds);
		measure_both(&context->workload, hot, round % 2, &rate_well, &rate_fails);
		bench_series_add(&well, rate_well);
		bench_series_add(&fails, rate_fails);
	}
	report(context, hot, &well, &fails);
}

const bench_experiment bench_experiment_hot_key = {
	.name = "hot-key",
	.help = "lanes: the other keys, while one with much traffic fails",
	.run = run,
};
