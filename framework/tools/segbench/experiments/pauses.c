/*
 * pauses.c - how long a partition pauses when its owner changes: the time from the last message that the old
 * owner handled to the first message that the new owner handles, while messages keep arriving. The owner
 * changes because a second segrunner joins, a segrunner stops cleanly, or a segrunner is killed.
 */
#include <inttypes.h>

#include "experiments/experiment.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "ways/group.h"
#include "ways/host.h"
#include "ways/sender.h"

/* Each partition gets a message per millisecond, so a figure is up to 1 ms longer than the pause. */
enum { PARTITIONS = 8, RATE = 8000, WARM_UP_MS = 500, PATIENCE_MS = 30000 };

typedef enum { JOIN, STOP, KILL, CHANGES } change;

static uint32_t owned_by(const bench_workload *workload, pid_t pid)
{
	uint32_t owned = 0;
	for (uint32_t p = 0; p < workload->partitions; p++)
		owned += atomic_load(&workload->tally->partitions[p].owner) == pid;
	return owned;
}

static void wait_until_owned(const bench_workload *workload, pid_t pid, uint32_t partitions)
{
	for (int waited = 0; owned_by(workload, pid) < partitions; waited++) {
		if (waited > PATIENCE_MS)
			bench_host_give_up(workload,
					   "a segrunner owns %" PRIu32 " partitions; expected %" PRIu32,
					   owned_by(workload, pid), partitions);
		bench_pause_ms(1);
	}
}

/* Adds the pauses since the last call, in ms. A `series` of NULL drops them. */
static void collect(bench_workload *workload, bench_series *series)
{
	for (uint32_t p = 0; p < workload->partitions; p++) {
		int64_t pause = atomic_exchange(&workload->tally->partitions[p].pause, 0);
		if (pause && series)
			bench_series_add(series, (double)pause / 1e6);
	}
}

static pid_t start_runner(const bench_workload *workload)
{
	bench_host_options options = {.group = "pauses", .runner = "", .consumer = "session_timeout = 1s"};
	return bench_host_start(workload, &options);
}

static void run_round(bench_workload *workload, bench_series series[CHANGES])
{
	bench_sender sender = {.workload = workload,
			       .kind = SENDER_XADD,
			       .rate = RATE,
			       .warm_up = UINT64_MAX / 2};
	bench_workload_clear(workload);
	bench_workload_reset(workload);
	pid_t first = start_runner(workload);
	bench_group_wait_claimed(workload, "pauses");
	pid_t sending = bench_sender_start(&sender);
	wait_until_owned(workload, first, PARTITIONS);
	bench_pause_ms(WARM_UP_MS);

	pid_t second = start_runner(workload);
	wait_until_owned(workload, second, PARTITIONS / 2);
	collect(workload, &series[JOIN]);

	bench_host_stop(second);
	wait_until_owned(workload, first, PARTITIONS);
	collect(workload, &series[STOP]);

	second = start_runner(workload);
	wait_until_owned(workload, second, PARTITIONS / 2);
	collect(workload, NULL);
	bench_process_kill(first);
	wait_until_owned(workload, second, PARTITIONS);
	collect(workload, &series[KILL]);

	bench_process_kill(sending);
	bench_host_stop(second);
}

static void run(bench_context *context)
{
	static const char *const names[CHANGES] = {[JOIN] = "a runner joins",
						   [STOP] = "a runner stops",
						   [KILL] = "kill -9, session_timeout = 1s"};
	bench_series series[CHANGES] = {0};
	size_t rounds = bench_experiment_rounds(context);
	bench_workload_set(&context->workload, PARTITIONS, 100, 0);
	for (size_t i = 0; i < rounds; i++) {
		bench_progress("pauses: round %zu of %zu", i + 1, rounds);
		run_round(&context->workload, series);
	}
	bench_report_heading("pauses: a partition changes its owner; 8 partitions, 8,000 messages/s");
	for (int i = 0; i < CHANGES; i++)
		bench_report_figure(&context->report, "pauses", names[i], "ms", &series[i]);
}

const bench_experiment bench_experiment_pauses = {
	.name = "pauses",
	.help = "how long a partition pauses when its owner changes",
	.run = run,
};
