/*
 * scaling.c - messages/s with more runners, and with handlers that take time. All runners own their share and
 * wait for messages when segbench adds all messages in one transaction.
 */
#include <stdio.h>

#include "base/plural.h"
#include "experiments/experiment.h"
#include "measure/progress.h"
#include "ways/group.h"
#include "ways/host.h"

/* Each number of runners divides the number of partitions. */
enum { RUNNERS = 16, PARTITIONS = 32 };

static double measure_once(bench_workload *workload, uint32_t runners, uint32_t handle_us)
{
	pid_t pids[RUNNERS];
	char consumer[48];
	snprintf(consumer, sizeof(consumer), "option.handle_us = %u", handle_us);
	bench_host_options options = {.group = "scaling", .runner = "", .consumer = consumer};
	bench_workload_clear(workload);
	bench_workload_reset(workload);
	for (uint32_t i = 0; i < runners; i++)
		pids[i] = bench_host_start(workload, &options);
	bench_group_wait_shared(workload, options.group, runners);
	bench_workload_add(workload);
	bench_host_wait_arrived(workload, workload->messages);
	for (uint32_t i = 0; i < runners; i++)
		bench_host_stop(pids[i]);
	return (double)workload->messages * 1e9 / (double)bench_workload_wall(workload);
}

static void measure(bench_context *context, uint32_t runners, uint32_t handle_us)
{
	bench_series rate = {0};
	char name[64];
	size_t rounds = bench_experiment_rounds(context);
	snprintf(name, sizeof(name), "%u runner%s, a batch takes %g ms", runners, seg_plural(runners),
		 handle_us / 1000.0);
	for (size_t i = 0; i < rounds; i++) {
		bench_progress("scaling, %s: round %zu of %zu", name, i + 1, rounds);
		bench_series_add(&rate, measure_once(&context->workload, runners, handle_us));
	}
	bench_report_figure(&context->report, "scaling", name, "messages/s", &rate);
}

static void run(bench_context *context)
{
	static const uint32_t handle_us[] = {100, 1000, 3000, 10000};
	bench_workload_set(&context->workload, PARTITIONS, 100, bench_experiment_messages(context));
	bench_report_heading("scaling: 32 partitions, messages of 100 bytes, batches of up to 512");
	for (uint32_t runners = 1; runners <= RUNNERS; runners *= 2)
		measure(context, runners, 0);
	for (size_t i = 0; i < sizeof(handle_us) / sizeof(handle_us[0]); i++)
		measure(context, 1, handle_us[i]);
}

const bench_experiment bench_experiment_scaling = {
	.name = "scaling",
	.help = "1 to 16 runners; handlers that take 0 to 10 ms a batch",
	.only_if_named = true,
	.run = run,
};
