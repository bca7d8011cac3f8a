/*
 * allocations.c - the calls of malloc in a segrunner in the steady state: from a quarter to three quarters of
 * a workload, window by window. Neither a message nor a batch may need an allocation. A buffer may grow once
 * more on a busy machine, and then shows in the spread.
 */
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "ways/host.h"

/* The first quarter of the messages is enough to use every buffer. */
enum { MESSAGES = 1000000, WINDOWS = 10, TRIES = 5 };

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

/* Fills Redis and starts a segrunner, whose allocations the tally counts. */
static pid_t start_runner(bench_workload *workload)
{
	char preload[PATH_MAX];
	bench_host_options options = {.group = "steady", .runner = "", .consumer = "", .preload = preload};
	bench_process_find("segbench_allocations.so", preload, sizeof(preload));
	bench_progress("allocations: filling Redis");
	bench_workload_fill(workload);
	bench_workload_reset(workload);
	bench_progress("allocations: in the steady state");
	return bench_host_start(workload, &options);
}

/*
 * On a busy machine segbench may wake up only after a window has passed. Such a window has no messages of its own, and
 * does not count.
 */
static void measure_windows(const bench_workload *workload, bench_series *per_message,
			    bench_series *per_batch)
{
	uint64_t quarter = workload->messages / 4;
	moment before = wait_for(workload, quarter);
	if (before.allocations == 0)
		errx(EX_SOFTWARE,
		     "cannot count the allocations of segrunner; is segrunner linked with another malloc?");
	for (uint64_t window = 1; window <= WINDOWS; window++) {
		moment now = wait_for(workload, quarter + workload->messages / 2 * window / WINDOWS);
		if (now.messages == before.messages)
			continue;
		double each = (double)(now.allocations - before.allocations) /
			      (double)(now.messages - before.messages);
		bench_series_add(per_message, each);
		bench_series_add(per_batch, each * WORKLOAD_BATCH);
		before = now;
	}
}

static void run(bench_context *context)
{
	bench_workload *workload = &context->workload;
	bench_series per_message = {0}, per_batch = {0};
	bench_workload_set(workload, 8, 100,
			   context->options.messages ? context->options.messages : MESSAGES);
	for (int i = 0; i < TRIES && per_message.count == 0; i++) {
		pid_t pid = start_runner(workload);
		measure_windows(workload, &per_message, &per_batch);
		bench_host_stop(pid);
	}
	if (per_message.count == 0)
		errx(EX_SOFTWARE,
		     "allocations: segrunner was done before segbench could count; use more --messages");
	bench_report_heading("allocations in segrunner, steady state, medians of up to 10 windows");
	bench_report_figure(&context->report, "allocations", "allocations a message", "", &per_message);
	bench_report_figure(&context->report, "allocations", "allocations a batch of 512", "", &per_batch);
	bench_report_ratio(&context->report, "allocations-per-message", &per_message);
}

const bench_experiment bench_experiment_allocations = {
	.name = "allocations",
	.help = "calls of malloc in segrunner while it handles messages",
	.run = run,
};
