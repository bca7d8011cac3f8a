/*
 * coordinate.c - Redis's time for the coordinator of a large group: 1,024 partitions, 64 members.
 */
#include <stdio.h>

#include "experiments/experiment.h"
#include "experiments/simulated_group.h"
#include "measure/progress.h"

enum { PARTITIONS = 1024, MEMBERS = 64, HEARTBEATS = 10, HEARTBEAT_CALLS = CALL_OPEN };

typedef struct {
	bench_series heartbeat;              /* us */
	bench_series all;                    /* ms: all calls until 64 members share the partitions */
	bench_series one_more;               /* ms: all calls of a rebalance */
	bench_series longest;                /* ms: the longest of these calls */
	bench_series calls[HEARTBEAT_CALLS]; /* the number of calls of each kind in a rebalance */
	bench_series times[HEARTBEAT_CALLS]; /* us per call */
} coordinate_figures;

static void fill_group(bench_simulated_group *group, coordinate_figures *f)
{
	bench_simulated_group_restart(group);
	while (group->member_count < MEMBERS)
		bench_simulated_group_join(group);
	bench_simulated_group_settle(group);
	bench_series_add(&f->all, (double)group->total / 1000);
}

static void measure_heartbeats(bench_simulated_group *group, coordinate_figures *f)
{
	bench_simulated_group_restart(group);
	for (int n = 0; n < HEARTBEATS; n++)
		bench_simulated_group_heartbeat(group);
	bench_series_add(&f->heartbeat, (double)group->total / (HEARTBEATS * group->member_count));
}

/* A member joins, and leaves after the measurement. */
static void measure_rebalance(bench_simulated_group *group, coordinate_figures *f)
{
	bench_simulated_group_restart(group);
	bench_simulated_group_join(group);
	bench_simulated_group_settle(group);
	bench_series_add(&f->one_more, (double)group->total / 1000);
	bench_series_add(&f->longest, (double)group->longest / 1000);
	for (int kind = 0; kind < HEARTBEAT_CALLS; kind++) {
		bench_series_add(&f->calls[kind], (double)group->calls[kind]);
		if (group->calls[kind])
			bench_series_add(&f->times[kind],
					 (double)group->times[kind] / (double)group->calls[kind]);
	}
	bench_simulated_group_leave(group);
	bench_simulated_group_settle(group);
}

static void report_calls(bench_report *report, const coordinate_figures *f)
{
	static const char *const names[HEARTBEAT_CALLS] = {[CALL_JOIN] = "  of it the join",
							   [CALL_SHARE] =
								   "  of it heartbeats that are told a share",
							   [CALL_RELEASE] = "  of it heartbeats that release",
							   [CALL_OTHER] = "  of it other heartbeats"};
	for (int kind = 0; kind < HEARTBEAT_CALLS; kind++) {
		bench_report_figure(report, "coordinate", names[kind], "calls", &f->calls[kind]);
		bench_report_figure(report, "coordinate", "    each", "us", &f->times[kind]);
	}
}

static void report(bench_report *report, const coordinate_figures *f)
{
	bench_report_heading("coordinate: 1,024 partitions, 64 members, Redis's time");
	bench_report_figure(report, "coordinate", "a heartbeat in which nothing changed", "us",
			    &f->heartbeat);
	bench_report_figure(report, "coordinate", "one more member: all calls until it owns its share", "ms",
			    &f->one_more);
	report_calls(report, f);
	bench_report_figure(report, "coordinate", "the longest of these calls", "ms", &f->longest);
	bench_report_figure(report, "coordinate", "64 members join an empty group: all calls", "ms", &f->all);
	bench_report_ratio(report, "heartbeat-us", &f->heartbeat);
	bench_report_ratio(report, "rebalance-ms", &f->one_more);
	bench_report_ratio(report, "rebalance-longest-call-ms", &f->longest);
}

static void run(bench_context *context)
{
	const bench_simulated_size size = {.partitions = PARTITIONS, .members_max = MEMBERS + 1};
	bench_simulated_group group;
	coordinate_figures figures = {0};
	size_t rounds = bench_experiment_rounds(context);
	bench_progress("coordinate: %d members share %d partitions", MEMBERS, PARTITIONS);
	bench_workload_clear(&context->workload);
	bench_simulated_group_open(&group, &context->server, &size);
	fill_group(&group, &figures);
	for (size_t i = 0; i < rounds; i++) {
		measure_heartbeats(&group, &figures);
		measure_rebalance(&group, &figures);
	}
	report(&context->report, &figures);
	bench_simulated_group_close(&group);
}

const bench_experiment bench_experiment_coordinate = {
	.name = "coordinate",
	.help = "Redis's time for heartbeats and rebalances of a large group",
	.run = run,
};
