/*
 * crowd.c - Redis's time for the coordinator of a very large group: 10,000 partitions, 1,000 members. What it costs when all start
 * at once, when nothing changes, and when one member joins, leaves or dies.
 */
#include <stdio.h>

#include "experiments/experiment.h"
#include "experiments/simulated_group.h"
#include "measure/progress.h"

typedef struct {
	bench_series start, open, claims, share_out; /* s, s, s, ms */
	bench_series heartbeat;                      /* us */
	bench_series join, leave, death;             /* ms: the longest call of each */
	bench_series longest;                        /* ms: the longest of the three */
} crowd_figures;

static double ms(int64_t us)
{
	return (double)us / 1000;
}

static void measure_start(bench_simulated_group *group, crowd_figures *f, int members)
{
	bench_simulated_group_restart(group);
	bench_simulated_group_start(group, members);
	bench_series_add(&f->start, ms(group->total) / 1000);
	bench_series_add(&f->open, ms(group->times[CALL_OPEN]) / 1000);
	bench_series_add(&f->claims, ms(group->times[CALL_CLAIM]) / 1000);
	bench_series_add(&f->share_out, ms(group->longest));
}

static void measure_heartbeat(bench_simulated_group *group, crowd_figures *f)
{
	bench_simulated_group_restart(group);
	bench_simulated_group_heartbeat(group);
	bench_series_add(&f->heartbeat, (double)group->total / group->member_count);
}

/* All calls from the change until nobody has anything more to do. */
static double longest_of(bench_simulated_group *group, void change(bench_simulated_group *group),
			 bench_series *series)
{
	bench_simulated_group_restart(group);
	change(group);
	bench_simulated_group_settle(group);
	bench_series_add(series, ms(group->longest));
	return ms(group->longest);
}

static void measure_changes(bench_simulated_group *group, crowd_figures *f)
{
	double longest = longest_of(group, bench_simulated_group_join, &f->join),
	       leave = longest_of(group, bench_simulated_group_leave, &f->leave),
	       death = longest_of(group, bench_simulated_group_die, &f->death);
	if (leave > longest)
		longest = leave;
	bench_series_add(&f->longest, death > longest ? death : longest);
}

static void report(bench_context *context, const bench_simulated_size *size, const crowd_figures *f)
{
	char text[96];
	bench_report *r = &context->report;
	snprintf(text, sizeof(text), "crowd: %d partitions, %d members, Redis's time", size->partitions,
		 size->members_max - 1);
	bench_report_heading(text);
	bench_report_figure(r, "crowd", "all start at once: all calls until they own their shares", "s",
			    &f->start);
	bench_report_figure(r, "crowd", "  of it the creation of the group in each partition", "s", &f->open);
	bench_report_figure(r, "crowd", "  of it the claims", "s", &f->claims);
	bench_report_figure(r, "crowd", "  the longest call, which shares all partitions out", "ms",
			    &f->share_out);
	bench_report_figure(r, "crowd", "a heartbeat in which nothing changed", "us", &f->heartbeat);
	bench_report_figure(r, "crowd", "one joins: the longest call", "ms", &f->join);
	bench_report_figure(r, "crowd", "one leaves: the longest call", "ms", &f->leave);
	bench_report_figure(r, "crowd", "one dies: the longest call", "ms", &f->death);
	if (context->options.quick)
		return;
	bench_report_ratio(r, "crowd-heartbeat-us", &f->heartbeat);
	bench_report_ratio(r, "crowd-longest-call-ms", &f->longest);
	bench_report_ratio(r, "crowd-start-s", &f->start);
}

static void run(bench_context *context)
{
	static const bench_simulated_size whole = {.partitions = 10000, .members_max = 1001},
					  quick = {.partitions = 300, .members_max = 11};
	const bench_simulated_size *size = context->options.quick ? &quick : &whole;
	crowd_figures figures = {0};
	size_t rounds = bench_experiment_rounds(context);
	for (size_t i = 0; i < rounds; i++) {
		bench_simulated_group group;
		bench_progress("crowd: round %zu of %zu", i + 1, rounds);
		bench_workload_clear(&context->workload);
		bench_simulated_group_open(&group, &context->server, size);
		measure_start(&group, &figures, size->members_max - 1);
		measure_heartbeat(&group, &figures);
		measure_changes(&group, &figures);
		bench_simulated_group_close(&group);
	}
	report(context, size, &figures);
}

const bench_experiment bench_experiment_crowd = {
	.name = "crowd",
	.help = "Redis's time for 1,000 members on 10,000 partitions",
	.only_if_named = true,
	.run = run,
};
