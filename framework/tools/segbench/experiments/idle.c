/*
 * idle.c - what a segrunner with 64 partitions costs while no messages arrive: CPU, commands, memory.
 */
#include "experiments/experiment.h"
#include "experiments/idle_window.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "ways/group.h"
#include "ways/host.h"

enum { PARTITIONS = 64, SETTLE_MS = 2000, WINDOW_MS = 4000, QUICK_WINDOW_MS = 1000 };

static void report(bench_report *report, const bench_idle_window *f)
{
	bench_report_heading("idle: a segrunner with 64 partitions, no messages");
	bench_report_figure(report, "idle", "CPU", "% of a core", &f->cpu);
	bench_report_figure(report, "idle", "commands", "a second", &f->commands);
	bench_report_figure(report, "idle", "resident memory", "MiB", &f->memory);
	bench_report_ratio(report, "idle-cpu", &f->cpu);
	bench_report_ratio(report, "idle-commands", &f->commands);
	bench_report_ratio(report, "memory-idle-mib", &f->memory);
}

static void run(bench_context *context)
{
	bench_workload *workload = &context->workload;
	bench_idle_window figures = {0};
	bench_host_options options = {.group = "idle", .runner = "", .consumer = ""};
	size_t rounds = bench_experiment_rounds(context);
	bench_workload_set(workload, PARTITIONS, 100, 0);
	bench_workload_clear(workload);
	pid_t pid = bench_host_start(workload, &options);
	bench_progress("idle: waiting until a segrunner owns %d partitions", PARTITIONS);
	bench_group_wait_claimed(workload, "idle");
	bench_pause_ms(SETTLE_MS);
	for (size_t i = 0; i < rounds; i++) {
		bench_progress("idle: round %zu of %zu", i + 1, rounds);
		bench_idle_window_measure(&figures, workload, pid,
					  context->options.quick ? QUICK_WINDOW_MS : WINDOW_MS);
	}
	bench_host_stop(pid);
	report(&context->report, &figures);
}

const bench_experiment bench_experiment_idle = {
	.name = "idle",
	.help = "CPU, commands and memory of a segrunner without messages",
	.run = run,
};
