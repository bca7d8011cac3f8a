/*
 * main.c - segbench: starts a Redis of its own, runs the experiments, reports.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "experiments/all.h"
#include "report/plot.h"
#include "measure/process.h"
#include "options.h"

static bench_context context;
static pid_t owner;

/* Of this process, not of those forked from it. */
static void stop_server(void)
{
	if (getpid() == owner)
		bench_server_stop(&context.server);
}

/* Before anything is measured: a file that cannot be written is known at once. */
static void check_writable(const char *path)
{
	FILE *file = path ? fopen(path, "a") : NULL;
	if (path && !file)
		err(EX_CANTCREAT, "cannot write %s", path);
	if (file)
		fclose(file);
}

static void run_experiments(void)
{
	const char *only = context.options.only;
	for (const bench_experiment *const *e = bench_experiments; *e; e++)
		if (only ? strcmp(only, (*e)->name) == 0 : !(*e)->only_if_named)
			(*e)->run(&context);
}

int main(int argc, char **argv)
{
	bench_options_parse(&context.options, argc, argv);
	check_writable(context.options.json);
	check_writable(context.options.plot);
	owner = getpid();
	bench_process_init();
	atexit(stop_server);
	bench_server_start(&context.server, context.options.tcp);
	bench_workload_init(&context.workload, &context.server);
	bench_report_init(&context.report, &context.server);
	run_experiments();
	if (context.options.json)
		bench_report_write(&context.report, context.options.json);
	if (context.options.plot)
		bench_plot_write(context.report.root, context.options.plot);
	bench_report_ratios(&context.report);
	bench_report_fini(&context.report);
	bench_workload_fini(&context.workload);
	if (fflush(stdout) || ferror(stdout))
		err(EX_IOERR, "cannot write");
	return EX_OK;
}
