/*
 * scale.c - many segrunners on one stream: 2,000 partitions, 5 groups, 20 segrunners. What it costs Redis when they all start at
 * once, while no messages arrive, and at 200 messages/s.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/experiment.h"
#include "measure/monitor.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "measure/reply.h"
#include "ways/group.h"
#include "ways/host.h"

enum { RUNNERS_MAX = 20, GROUPS = 5, CONSUMER_TEXT = 8192, SIZE = 100, RATE = 200 };

/* "scale-", any int and a NUL. */
enum { GROUP_NAME = 24 };

typedef struct {
	uint32_t runners, partitions;
	int settle_ms, window_ms;
} scale_case;

typedef struct {
	bench_series start, start_cpu, start_runners_cpu; /* s */
	bench_series idle_commands, idle_cpu;             /* a second; % of a core */
	bench_series load_cpu, load_runners_cpu;          /* % of a core */
	bench_series memory;                              /* MiB */
} scale_figures;

typedef struct {
	const scale_case *what;
	bench_workload *workload;
	pid_t pids[RUNNERS_MAX];
} scale_run;

/* --- the segrunners ------------------------------------------------------------------------- */

static void group_name(int number, char name[GROUP_NAME])
{
	snprintf(name, GROUP_NAME, "scale-%d", number);
}

/* One [consumer] section for each further group. */
static void write_consumers(const scale_run *run, char text[CONSUMER_TEXT])
{
	char plugin[PATH_MAX], group[GROUP_NAME];
	size_t at = 0;
	bench_process_find("segbench_noop.so", plugin, sizeof(plugin));
	for (int i = 1; i < GROUPS && at < CONSUMER_TEXT; i++) {
		group_name(i, group);
		at += (size_t)snprintf(text + at, CONSUMER_TEXT - at,
				       "[consumer %s]\nstream = " WORKLOAD_STREAM "\npartitions = %" PRIu32
				       "\npartition_size = 1_000_000_000\npacking = %s\n"
				       "group = %s\nplugin = %s\noption.tally = %s\n",
				       group, run->what->partitions,
				       bench_workload_packing(run->workload->packing), group, plugin,
				       run->workload->tally_path);
	}
}

static void start_all(scale_run *run)
{
	static char consumers[CONSUMER_TEXT];
	char group[GROUP_NAME];
	group_name(0, group);
	write_consumers(run, consumers);
	const bench_host_options options = {.group = group, .runner = "", .consumer = consumers};
	for (uint32_t i = 0; i < run->what->runners; i++)
		run->pids[i] = bench_host_start(run->workload, &options);
}

static void stop_all(const scale_run *run)
{
	for (uint32_t i = 0; i < run->what->runners; i++)
		bench_process_kill(run->pids[i]);
}

static int64_t runners_cpu(const scale_run *run)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < run->what->runners; i++)
		sum += bench_process_cpu(run->pids[i]);
	return sum;
}

/* --- the start --------------------------------------------------------------------------------- */

/* How many partitions a member owns, from its list "<generation> <p> <p> ..."; see lua/README.md. */
static uint32_t count_owned(const char *list)
{
	uint32_t words = 0;
	for (const char *c = list; *c; c++)
		words += *c == ' ' && c[1] != '\0';
	return words;
}

/* Whether each of the runners owns its share of the group's partitions: as many as the others, or one more. */
static bool is_shared(const scale_run *run, const char *group)
{
	uint32_t members = 0, least = run->what->partitions / run->what->runners, good = 0;
	redisReply *reply = bench_server_command(run->workload->server, "HGETALL {__%s:%s}:%s:partitions",
						 WORKLOAD_NAMESPACE, WORKLOAD_STREAM, group);
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		if (reply->element[i]->str[0] != '#')
			continue;
		uint32_t owned = count_owned(reply->element[i + 1]->str);
		members++;
		good += owned == least || owned == least + 1;
	}
	freeReplyObject(reply);
	return members == run->what->runners && good == members;
}

static void wait_until_shared(const scale_run *run)
{
	char group[GROUP_NAME];
	for (int i = 0; i < GROUPS; i++) {
		int64_t since = tally_now();
		group_name(i, group);
		while (!is_shared(run, group)) {
			if (tally_now() - since > HOST_PATIENCE_NS)
				bench_host_give_up(run->workload, "the segrunners did not share group %s",
						   group);
			bench_pause_ms(50);
		}
		bench_group_wait_claimed(run->workload, group);
	}
}

static void measure_start(scale_run *run, scale_figures *f)
{
	int64_t at = tally_now(), before = bench_server_cpu(run->workload->server);
	start_all(run);
	wait_until_shared(run);
	bench_series_add(&f->start, (double)(tally_now() - at) / 1e9);
	bench_series_add(&f->start_cpu, (double)(bench_server_cpu(run->workload->server) - before) / 1e9);
	bench_series_add(&f->start_runners_cpu, (double)runners_cpu(run) / 1e9);
	bench_series_add(&f->memory, (double)bench_process_memory(run->pids[0], "VmRSS") / 1048576);
}

/* --- afterwards --------------------------------------------------------------------------------- */

static void measure_idle(const scale_run *run, scale_figures *f)
{
	bench_server *server = run->workload->server;
	redisContext *monitor = bench_monitor_open(server);
	int64_t at = tally_now(), before = bench_server_cpu(server);
	bench_pause_ms(run->what->window_ms);
	double span = (double)(tally_now() - at);
	bench_series_add(&f->idle_cpu, (double)(bench_server_cpu(server) - before) / span * 100);
	bench_series_add(&f->idle_commands, bench_monitor_close(monitor, server) / span * 1e9);
}

/* The messages go to partitions that a fixed sequence chooses. */
static void measure_load(const scale_run *run, scale_figures *f)
{
	char key[WORKLOAD_KEY_MAX], *data = bench_workload_data(run->workload);
	bench_server *server = run->workload->server;
	int64_t at = tally_now(), before = bench_server_cpu(server), runners = runners_cpu(run);
	int messages = run->what->window_ms * RATE / 1000;
	for (int i = 0; i < messages; i++) {
		bench_workload_key((uint32_t)i * 7919 % run->what->partitions, key);
		bench_server_do(server, "XADD %s * partitionKey k data %s", key, data);
		int64_t ahead = at + (int64_t)(i + 1) * (1000000000 / RATE) - tally_now();
		if (ahead >= 1000000)
			bench_pause_ms((int)(ahead / 1000000));
	}
	free(data);
	double span = (double)(tally_now() - at);
	bench_series_add(&f->load_cpu, (double)(bench_server_cpu(server) - before) / span * 100);
	bench_series_add(&f->load_runners_cpu, (double)(runners_cpu(run) - runners) / span * 100);
}

static void measure(bench_context *context, const scale_case *what, scale_figures *f)
{
	scale_run run = {.what = what, .workload = &context->workload};
	bench_workload_clear(&context->workload);
	measure_start(&run, f);
	bench_pause_ms(what->settle_ms);
	measure_idle(&run, f);
	measure_load(&run, f);
	stop_all(&run);
}

static void report(bench_context *context, const scale_case *what, const scale_figures *f)
{
	char text[96];
	bench_report *r = &context->report;
	snprintf(text, sizeof(text), "scale: %" PRIu32 " partitions, %d groups, %" PRIu32 " segrunners",
		 what->partitions, GROUPS, what->runners);
	bench_report_heading(text);
	bench_report_figure(r, "scale", "all start at once: until they share the partitions", "s", &f->start);
	bench_report_figure(r, "scale", "  Redis's CPU", "s", &f->start_cpu);
	bench_report_figure(r, "scale", "  the segrunners' CPU, all together", "s", &f->start_runners_cpu);
	bench_report_figure(r, "scale", "no messages: commands", "a second", &f->idle_commands);
	bench_report_figure(r, "scale", "  Redis's CPU", "% of a core", &f->idle_cpu);
	bench_report_figure(r, "scale", "200 messages/s, each for 5 groups: Redis's CPU", "% of a core",
			    &f->load_cpu);
	bench_report_figure(r, "scale", "  the segrunners' CPU, all together", "% of a core",
			    &f->load_runners_cpu);
	bench_report_figure(r, "scale", "resident memory of a segrunner", "MiB", &f->memory);
	if (context->options.quick)
		return;
	bench_report_ratio(r, "scale-start-s", &f->start);
	bench_report_ratio(r, "scale-start-cpu-s", &f->start_cpu);
	bench_report_ratio(r, "scale-idle-commands", &f->idle_commands);
	bench_report_ratio(r, "scale-load-cpu", &f->load_cpu);
}

static void run(bench_context *context)
{
	static const scale_case
		whole = {.runners = RUNNERS_MAX, .partitions = 2000, .settle_ms = 5000, .window_ms = 20000},
		quick = {.runners = 4, .partitions = 300, .settle_ms = 300, .window_ms = 1000};
	const scale_case *what = context->options.quick ? &quick : &whole;
	scale_figures figures = {0};
	size_t rounds = bench_experiment_rounds(context);
	bench_workload_set(&context->workload, what->partitions, SIZE, 0);
	for (size_t i = 0; i < rounds; i++) {
		bench_progress("scale: round %zu of %zu", i + 1, rounds);
		measure(context, what, &figures);
	}
	report(context, what, &figures);
}

const bench_experiment bench_experiment_scale = {
	.name = "scale",
	.help = "many segrunners: Redis's CPU at the start, idle, under load",
	.only_if_named = true,
	.run = run,
};
