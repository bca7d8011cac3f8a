#include "ways/host.h"

#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "measure/process.h"

enum { LOG_PATH_MAX = 128, LOG_SHOWN = 4096 };

static void log_path(const bench_workload *workload, char path[LOG_PATH_MAX])
{
	snprintf(path, LOG_PATH_MAX, "%s/runner.log", workload->server->directory);
}

static void write_config(const bench_workload *workload, const bench_host_options *options, const char *path)
{
	char plugin[PATH_MAX];
	bench_process_find(options->plugin ? options->plugin : "segbench_noop.so", plugin, sizeof(plugin));
	FILE *file = fopen(path, "w");
	if (!file)
		err(EX_CANTCREAT, "cannot write %s", path);
	fprintf(file, "[redis]\naddress = %s\n", workload->server->address);
	if (workload->server->ca_file[0])
		fprintf(file, "tls_ca_file = %s\n", workload->server->ca_file);
	if (workload->server->ack_replicas)
		fprintf(file, "ack_replicas = %" PRIu32 "\n", workload->server->ack_replicas);
	fprintf(file,
		"\n"
		"[runner]\nnamespace = " WORKLOAD_NAMESPACE "\nlog_level = warning\n%s\n"
		"[consumer bench]\nstream = " WORKLOAD_STREAM "\npartitions = %" PRIu32
		"\npartition_size = 1_000_000_000\npacking = %s\n"
		"group = %s\nplugin = %s\nbatch_size = %d\noption.tally = %s\n%s\n",
		options->runner, workload->partitions, bench_workload_packing(workload->packing),
		options->group, plugin, WORKLOAD_BATCH, workload->tally_path, options->consumer);
	if (fclose(file))
		err(EX_IOERR, "cannot write %s", path);
}

pid_t bench_host_start(const bench_workload *workload, const bench_host_options *options)
{
	static int started;
	char config[128], log[LOG_PATH_MAX], program[PATH_MAX];
	snprintf(config, sizeof(config), "%s/runner-%d.ini", workload->server->directory, started++);
	log_path(workload, log);
	write_config(workload, options, config);
	bench_process_find("segrunner", program, sizeof(program));
	const char *argv[] = {program, "-c", config, NULL};
	const char *preload[] = {"LD_PRELOAD", options->preload, TALLY_VARIABLE, workload->tally_path, NULL};
	return bench_process_start(argv, options->preload ? preload : NULL, log);
}

uint64_t bench_host_stop(pid_t pid)
{
	kill(pid, SIGTERM);
	return bench_process_wait(pid, "segrunner");
}

void bench_host_wait_arrived(const bench_workload *workload, uint64_t messages)
{
	uint64_t before = 0, now;
	int64_t since = tally_now();
	while ((now = bench_workload_arrived(workload)) < messages) {
		if (now != before)
			since = tally_now();
		if (tally_now() - since > HOST_PATIENCE_NS)
			bench_host_give_up(workload,
					   "%" PRIu64 " of %" PRIu64 " messages arrived, then none for %d s",
					   now, messages, (int)(HOST_PATIENCE_NS / 1000000000));
		before = now;
		bench_pause_ms(1);
	}
}

/* segbench removes the log when it ends, so the error must show what the log says. */
static void print_end_of_log(const char *path)
{
	char text[LOG_SHOWN + 1];
	FILE *file = fopen(path, "r");
	if (!file)
		return;
	if (fseek(file, -(long)LOG_SHOWN, SEEK_END))
		rewind(file);
	size_t length = fread(text, 1, LOG_SHOWN, file);
	fclose(file);
	fprintf(stderr, "segbench: segrunner's log %s\n%.*s", length ? "ends:" : "is empty", (int)length,
		text);
}

void bench_host_give_up(const bench_workload *workload, const char *format, ...)
{
	char log[LOG_PATH_MAX];
	va_list args;
	va_start(args, format);
	vwarnx(format, args);
	va_end(args);
	log_path(workload, log);
	print_end_of_log(log);
	exit(EX_UNAVAILABLE);
}
