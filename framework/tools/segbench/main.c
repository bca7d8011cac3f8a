/*
 * main.c - segbench: starts a redis-server, runs the experiments, prints the report.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "experiments/all.h"
#include "measure/link.h"
#include "measure/process.h"
#include "options.h"
#include "report/plot.h"

static bench_context context;
static pid_t owner;

/* Runs at exit. Processes forked from this one inherit the handler and must not stop the server. */
static void stop_server(void)
{
	if (getpid() == owner)
		bench_server_stop(&context.server);
}

/* Reports a file that cannot be written before segbench measures anything. */
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
	seg_descriptors_fill();
	bench_options_parse(&context.options, argc, argv);
	check_writable(context.options.json);
	check_writable(context.options.plot);
	owner = getpid();
	bench_process_init();
	atexit(stop_server);
	bench_server_start(&context.server, context.options.redis, context.options.tcp);
	if (context.options.rtt) {
		bench_link_start(&context.server);
		bench_link_set_rtt(&context.server, (uint32_t)context.options.rtt);
	}
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
		err(EX_IOERR, "cannot write to stdout");
	return EX_OK;
}
