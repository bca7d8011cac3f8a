/*
 * wait.c - the two ways in which a member waits for messages: the doorbell, and a blocking XREAD. Messages come at a
 * moderate rate, spread over all partitions. A blocking read costs Redis time in proportion to its keys at each
 * message; the doorbell needs one more read per message. The member itself blocks up to a number of partitions and
 * uses the doorbell above (group/doorbell.c); here both ways are forced.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "ways/group.h"
#include "ways/host.h"
#include "ways/poller.h"
#include "ways/sender.h"

enum { RATE = 1000, MESSAGES = 5000, QUICK_MESSAGES = 1000, WARM_UP = 300, SIZE = 100, SETTLE_MS = 500 };

typedef enum { BLOCK, DOORBELL, WAYS } waiting;

static const struct {
	const char *name;
	uint32_t block_most;
} waitings[WAYS] = {{"XREAD BLOCK", UINT32_MAX}, {"doorbell", 0}};

typedef struct {
	bench_series cpu, p50, p99; /* Redis's CPU in s; us */
} wait_figures;

static void note_latency(const bench_workload *workload, wait_figures *f)
{
	static bench_histogram all;
	memset(&all, 0, sizeof(all));
	for (uint32_t i = 0; i < workload->partitions; i++)
		bench_histogram_merge(&all, &workload->tally->latency[i]);
	bench_series_add(&f->p50, bench_histogram_quantile(&all, 0.5) / 1000);
	bench_series_add(&f->p99, bench_histogram_quantile(&all, 0.99) / 1000);
}

static void measure(bench_workload *workload, waiting way, uint64_t messages, wait_figures *f)
{
	bench_sender sender = {.workload = workload,
			       .kind = SENDER_XADD,
			       .rate = RATE,
			       .warm_up = WARM_UP,
			       .messages = messages};
	bench_poller poller = {workload, "wait", waitings[way].block_most};
	bench_workload_clear(workload);
	bench_workload_reset(workload);
	pid_t pid = bench_poller_start(&poller);
	bench_group_wait_claimed(workload, poller.group);
	bench_pause_ms(SETTLE_MS);
	int64_t before = bench_server_cpu(workload->server);
	bench_process_wait(bench_sender_start(&sender), "the sender");
	bench_host_wait_arrived(workload, WARM_UP + messages);
	bench_series_add(&f->cpu, (double)(bench_server_cpu(workload->server) - before) / 1e9);
	bench_process_kill(pid);
	note_latency(workload, f);
}

static void report_way(bench_report *report, uint32_t partitions, const char *name, const wait_figures *f)
{
	char text[64];
	snprintf(text, sizeof(text), "%" PRIu32 " partitions, %s: Redis's CPU", partitions, name);
	bench_report_figure(report, "wait", text, "s", &f->cpu);
	snprintf(text, sizeof(text), "%" PRIu32 " partitions, %s: p50", partitions, name);
	bench_report_figure(report, "wait", text, "us", &f->p50);
	snprintf(text, sizeof(text), "%" PRIu32 " partitions, %s: p99", partitions, name);
	bench_report_figure(report, "wait", text, "us", &f->p99);
}

static void report_ratio(bench_report *report, uint32_t partitions, const char *name, const bench_series *of,
			 const bench_series *to)
{
	char text[64];
	bench_series ratio = {0};
	for (size_t i = 0; i < of->count; i++)
		bench_series_add(&ratio, of->values[i] / to->values[i]);
	snprintf(text, sizeof(text), "%" PRIu32 " partitions, doorbell / BLOCK: %s", partitions, name);
	bench_report_figure(report, "wait", text, "", &ratio);
}

static void compare(bench_context *context, uint32_t partitions, uint64_t messages)
{
	wait_figures figures[WAYS] = {0};
	size_t rounds = bench_experiment_rounds(context);
	bench_workload_set(&context->workload, partitions, SIZE, 0);
	for (size_t i = 0; i < rounds; i++)
		for (int way = 0; way < WAYS; way++) {
			bench_progress("wait, %" PRIu32 " partitions: round %zu of %zu, %s", partitions,
				       i + 1, rounds, waitings[way].name);
			measure(&context->workload, (waiting)way, messages, &figures[way]);
		}
	for (int way = 0; way < WAYS; way++)
		report_way(&context->report, partitions, waitings[way].name, &figures[way]);
	report_ratio(&context->report, partitions, "CPU", &figures[DOORBELL].cpu, &figures[BLOCK].cpu);
	report_ratio(&context->report, partitions, "p50", &figures[DOORBELL].p50, &figures[BLOCK].p50);
	report_ratio(&context->report, partitions, "p99", &figures[DOORBELL].p99, &figures[BLOCK].p99);
}

static void run(bench_context *context)
{
	static const uint32_t partitions[] = {10, 100, 500};
	const bench_options *options = &context->options;
	uint64_t messages = options->quick ? QUICK_MESSAGES : MESSAGES;
	char text[128];
	if (options->messages)
		messages = options->messages;
	snprintf(text, sizeof(text),
		 "wait: one member, %" PRIu64
		 " messages at %d/s over all its partitions, latency from XADD on",
		 messages, RATE);
	bench_report_heading(text);
	for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++)
		if (!options->partitions)
			compare(context, partitions[i], messages);
	if (options->partitions)
		compare(context, (uint32_t)options->partitions, messages);
}

const bench_experiment bench_experiment_wait = {
	.name = "wait",
	.help = "doorbell relative to XREAD BLOCK: Redis's CPU, latency",
	.only_if_named = true,
	.run = run,
};
