/*
 * idle_many.c - what one segrunner with 10,000 partitions costs while no messages arrive: the time until it owns all of them,
 * memory, threads.
 */
#include <inttypes.h>
#include <stdio.h>

#include "experiments/experiment.h"
#include "experiments/idle_window.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "ways/group.h"
#include "ways/host.h"

enum { PARTITIONS = 10000, QUICK_PARTITIONS = 500, SETTLE_MS = 2000, WINDOW_MS = 4000, QUICK_MS = 500 };

typedef struct {
	bench_series start, start_cpu, start_redis; /* s */
	bench_series threads;
	bench_idle_window window;
} many_figures;

static pid_t measure_start(bench_workload *workload, many_figures *f)
{
	bench_host_options options = {.group = "many", .runner = "", .consumer = ""};
	int64_t at = tally_now(), redis = bench_server_cpu(workload->server);
	pid_t pid = bench_host_start(workload, &options);
	bench_group_wait_all_claimed(workload, "many");
	bench_series_add(&f->start, (double)(tally_now() - at) / 1e9);
	bench_series_add(&f->start_cpu, (double)bench_process_cpu(pid) / 1e9);
	bench_series_add(&f->start_redis, (double)(bench_server_cpu(workload->server) - redis) / 1e9);
	return pid;
}

static void measure_idle(bench_workload *workload, pid_t pid, int window_ms, many_figures *f)
{
	bench_idle_window_measure(&f->window, workload, pid, window_ms);
	bench_series_add(&f->threads, (double)bench_process_status(pid, "Threads"));
}

static void report(bench_context *context, const many_figures *f)
{
	char text[96];
	bench_report *r = &context->report;
	snprintf(text, sizeof(text), "idle-many: a segrunner with %" PRIu32 " partitions, no messages",
		 context->workload.partitions);
	bench_report_heading(text);
	bench_report_figure(r, "idle-many", "start until it owns all of them", "s", &f->start);
	bench_report_figure(r, "idle-many", "  the segrunner's CPU", "s", &f->start_cpu);
	bench_report_figure(r, "idle-many", "  Redis's CPU", "s", &f->start_redis);
	bench_report_figure(r, "idle-many", "resident memory", "MiB", &f->window.memory);
	bench_report_figure(r, "idle-many", "threads", "", &f->threads);
	bench_report_figure(r, "idle-many", "CPU", "% of a core", &f->window.cpu);
	bench_report_figure(r, "idle-many", "commands", "a second", &f->window.commands);
	if (context->options.quick)
		return;
	bench_report_ratio(r, "idle-many-start-s", &f->start);
	bench_report_ratio(r, "idle-many-mib", &f->window.memory);
}

static void run(bench_context *context)
{
	bench_workload *workload = &context->workload;
	bool quick = context->options.quick;
	many_figures figures = {0};
	size_t rounds = bench_experiment_rounds(context);
	bench_workload_set(workload, quick ? QUICK_PARTITIONS : PARTITIONS, 100, 0);
	for (size_t i = 0; i < rounds; i++) {
		bench_progress("idle-many: round %zu of %zu", i + 1, rounds);
		bench_workload_clear(workload);
		pid_t pid = measure_start(workload, &figures);
		bench_pause_ms(quick ? QUICK_MS : SETTLE_MS);
		measure_idle(workload, pid, quick ? QUICK_MS : WINDOW_MS, &figures);
		bench_host_stop(pid);
	}
	report(context, &figures);
}

const bench_experiment bench_experiment_idle_many = {
	.name = "idle-many",
	.help = "start, memory, threads: 10,000 partitions, no messages",
	.run = run,
};
