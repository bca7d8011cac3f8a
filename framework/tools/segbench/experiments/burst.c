/*
 * burst.c - the memory of a segrunner when large messages come after many tiny ones: 20,000 of 10 bytes, then 304 of 2 MiB. What it
 * knows of the sizes is wrong then.
 */
#include <inttypes.h>
#include <stdio.h>

#include "experiments/experiment.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "ways/group.h"
#include "ways/host.h"

enum {
	PARTITIONS = 8,
	TINY = 20000,
	TINY_SIZE = 10,
	LARGE = 304,
	QUICK_LARGE = 32,
	LARGE_SIZE = 2 << 20,
	HANDLE_US = 20000, /* for a batch, so that reading runs ahead */
	IN_FLIGHT_MIB = 4, /* in_flight_bytes, per partition */
};

typedef struct {
	bench_series peak, after, beyond; /* MiB */
	bench_series redis, sent;
} burst_figures;

/* Adds about so many messages. Returns how many. */
static uint64_t add(bench_workload *workload, uint32_t size, uint64_t messages)
{
	workload->size = size;
	workload->messages = messages / workload->partitions * workload->partitions;
	bench_workload_append(workload);
	return workload->messages;
}

static void measure(bench_workload *workload, uint64_t large, burst_figures *f)
{
	char limit[80];
	snprintf(limit, sizeof(limit), "in_flight_bytes = %dMiB\noption.handle_us = %d", IN_FLIGHT_MIB,
		 HANDLE_US);
	bench_host_options options = {.group = "burst", .runner = "", .consumer = limit};
	bench_workload_clear(workload);
	bench_workload_reset(workload);
	uint64_t messages = add(workload, TINY_SIZE, TINY);
	messages += add(workload, LARGE_SIZE, large);
	double redis = bench_server_info(workload->server, "memory", "used_memory");
	double sent = bench_server_info(workload->server, "stats", "total_net_output_bytes");
	pid_t pid = bench_host_start(workload, &options);
	bench_host_wait_arrived(workload, messages);
	bench_group_wait_committed(workload, "burst");
	double peak = (double)bench_process_memory(pid, "VmHWM") / 1048576;
	bench_series_add(&f->peak, peak);
	bench_series_add(&f->beyond, peak - (double)workload->partitions * IN_FLIGHT_MIB);
	bench_series_add(&f->after, (double)bench_process_memory(pid, "VmRSS") / 1048576);
	bench_host_stop(pid);
	bench_series_add(&f->redis,
			 (bench_server_info(workload->server, "memory", "used_memory_peak") - redis) /
				 1048576);
	bench_series_add(&f->sent, (bench_server_info(workload->server, "stats", "total_net_output_bytes") -
				    sent) / 1048576);
}

static void run(bench_context *context)
{
	const bench_options *options = &context->options;
	uint32_t partitions = options->partitions ? (uint32_t)options->partitions : PARTITIONS;
	uint64_t large = options->quick ? QUICK_LARGE : LARGE;
	size_t rounds = bench_experiment_rounds(context);
	burst_figures f = {0};
	char text[128];
	bench_workload_set(&context->workload, partitions, TINY_SIZE, 0);
	for (size_t i = 0; i < rounds; i++) {
		bench_progress("burst: round %zu of %zu", i + 1, rounds);
		measure(&context->workload, large, &f);
	}
	bench_workload_clear(&context->workload);
	snprintf(text, sizeof(text),
		 "burst: %d messages of %d bytes, then %" PRIu64 " of 2 MiB; %" PRIu32 " partitions", TINY,
		 TINY_SIZE, large, partitions);
	bench_report_heading(text);
	bench_report_figure(&context->report, "burst", "highest resident memory", "MiB", &f.peak);
	bench_report_figure(&context->report, "burst", "  beyond in_flight_bytes x partitions", "MiB",
			    &f.beyond);
	bench_report_figure(&context->report, "burst", "resident memory afterwards", "MiB", &f.after);
	bench_report_figure(&context->report, "burst", "Redis: highest memory beyond the messages", "MiB",
			    &f.redis);
	bench_report_figure(&context->report, "burst", "Redis: sent", "MiB", &f.sent);
	bench_report_ratio(&context->report, "burst-mib", &f.beyond);
}

const bench_experiment bench_experiment_burst = {
	.name = "burst",
	.help = "memory when large messages follow tiny ones",
	.run = run,
};
