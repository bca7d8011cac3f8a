/*
 * idle.c - what a segrunner with 64 partitions costs while no messages come: CPU, commands, memory.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "ways/host.h"
#include "measure/process.h"
#include "measure/progress.h"

enum { PARTITIONS = 64, SETTLE_MS = 2000 };

/* A connection that hears every command from now on. */
static redisContext *listen_to_commands(bench_server *server)
{
	redisContext *monitor = bench_server_connect(server);
	freeReplyObject(redisCommand(monitor, "MONITOR"));
	return monitor;
}

/* How many commands clients have sent since; what scripts ran is not among them. */
static unsigned count_commands(bench_server *server, redisContext *monitor)
{
	bench_server_do(server, "ECHO segbench-is-done");
	for (unsigned commands = 0;;) {
		void *got;
		if (redisGetReply(monitor, &got) != REDIS_OK)
			errx(EX_UNAVAILABLE, "redis-server: %s", monitor->errstr);
		const char *line = ((redisReply *)got)->str;
		bool over = strstr(line, "segbench-is-done");
		commands += !over && !strstr(line, " lua] ");
		freeReplyObject(got);
		if (over) {
			redisFree(monitor);
			return commands;
		}
	}
}

static void run(bench_context *context)
{
	bench_workload *workload = &context->workload;
	bench_series cpu = {0}, commands = {0}, memory = {0};
	bench_host_options options = {.group = "idle", .runner = "", .consumer = ""};
	int window_ms = context->options.quick ? 1000 : 4000;
	bench_workload_set(workload, PARTITIONS, 100, 0);
	bench_workload_clear(workload);
	pid_t pid = bench_host_start(workload, &options);
	bench_progress("idle: waiting for a segrunner to own %d partitions", PARTITIONS);
	bench_host_wait_claimed(workload, "idle");
	bench_pause_ms(SETTLE_MS);
	for (size_t i = 0; i < bench_experiment_rounds(context); i++) {
		bench_progress("idle: round %zu of %zu", i + 1, bench_experiment_rounds(context));
		redisContext *monitor = listen_to_commands(workload->server);
		int64_t at = tally_now(), before = bench_process_cpu(pid);
		bench_pause_ms(window_ms);
		double span = (double)(tally_now() - at);
		bench_series_add(&cpu, (double)(bench_process_cpu(pid) - before) / span * 100);
		bench_series_add(&commands, count_commands(workload->server, monitor) / span * 1e9);
		bench_series_add(&memory, (double)bench_process_memory(pid, "VmRSS") / 1048576);
	}
	bench_host_stop(pid);
	bench_report_heading("idle: a segrunner with 64 partitions, no messages");
	bench_report_figure(&context->report, "idle", "CPU", "% of a core", &cpu);
	bench_report_figure(&context->report, "idle", "commands", "a second", &commands);
	bench_report_figure(&context->report, "idle", "resident memory", "MiB", &memory);
	bench_report_ratio(&context->report, "idle-cpu", &cpu);
	bench_report_ratio(&context->report, "idle-commands", &commands);
	bench_report_ratio(&context->report, "memory-idle-mib", &memory);
}

const bench_experiment bench_experiment_idle = {
	.name = "idle",
	.help = "CPU, commands and memory of a segrunner with nothing to do",
	.run = run,
};
