/*
 * steady.c - what the steady state allocates: calls of malloc in a segrunner between a quarter and three
 * quarters of a workload, window by window. It must be nothing for a message, and nothing for a batch; a
 * buffer that grows once more because the machine was busy shows in the spread.
 */
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "ways/host.h"
#include "measure/process.h"
#include "measure/progress.h"

/* So many that each buffer has long been used when the first quarter is over. */
enum { MESSAGES = 1000000, WINDOWS = 10 };

typedef struct {
	uint64_t messages;
	uint64_t allocations;
} moment;

static moment wait_for(const bench_workload *workload, uint64_t messages)
{
	bench_host_wait_arrived(workload, messages);
	moment now = {.allocations = atomic_load(&workload->tally->allocations)};
	now.messages = bench_workload_arrived(workload);
	return now;
}

static void run(bench_context *context)
{
	bench_workload *workload = &context->workload;
	bench_series per_message = {0}, per_batch = {0};
	char preload[PATH_MAX];
	bench_host_options options = {.group = "steady", .runner = "", .consumer = "", .preload = preload};
	bench_progress("allocations: filling Redis");
	bench_process_find("segbench_allocations.so", preload, sizeof(preload));
	bench_workload_set(workload, 8, 100,
			   context->options.messages ? context->options.messages : MESSAGES);
	bench_workload_fill(workload);
	bench_workload_reset(workload);
	bench_progress("allocations: in the steady state");
	pid_t pid = bench_host_start(workload, &options);
	moment before = wait_for(workload, workload->messages / 4);
	if (before.allocations == 0)
		errx(EX_SOFTWARE,
		     "segrunner's allocations are not counted; is it linked with another malloc?");
	for (uint64_t window = 1; window <= WINDOWS; window++) {
		moment now = wait_for(workload,
				      workload->messages / 4 + workload->messages / 2 * window / WINDOWS);
		double each = (double)(now.allocations - before.allocations) /
			      (double)(now.messages - before.messages);
		bench_series_add(&per_message, each);
		bench_series_add(&per_batch, each * WORKLOAD_BATCH);
		before = now;
	}
	bench_host_stop(pid);
	bench_report_heading("allocations in segrunner, steady state, medians of 10 windows");
	bench_report_figure(&context->report, "allocations", "allocations a message", "", &per_message);
	bench_report_figure(&context->report, "allocations", "allocations a batch of 512", "", &per_batch);
	bench_report_ratio(&context->report, "allocations-per-message", &per_message);
}

const bench_experiment bench_experiment_allocations = {
	.name = "allocations",
	.help = "calls of malloc in segrunner while it handles messages",
	.run = run,
};
