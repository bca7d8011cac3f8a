#include "report/report.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sysexits.h>
#include <unistd.h>

#include <segmenter/segmenter.h>

#include "base/plural.h"
#include "measure/progress.h"
#include "measure/reply.h"
#include "measure/usage.h"
#include "report/goals.h"

/* `version` stays as it is if INFO has no such line. */
static void find_version(redisReply *info, const char *name, char version[64])
{
	const char *found = strstr(bench_reply_text(info, "INFO"), name);
	if (found)
		sscanf(found + strlen(name), "%63s", version);
}

/* The machine, and the versions of what runs on it. */
static json_t *machine(bench_server *server)
{
	struct utsname name;
	char redis[64] = "", valkey[64] = "";
	uname(&name);
	redisReply *info = bench_server_command(server, "INFO server");
	/* Valkey tells the version of Redis that it is compatible with, too. */
	find_version(info, "\nredis_version:", redis);
	find_version(info, "\nvalkey_version:", valkey);
	freeReplyObject(info);
	bench_progress("measuring against %s %s", valkey[0] ? "Valkey" : "Redis", valkey[0] ? valkey : redis);
	return json_pack("{s:s, s:i, s:s, s:s, s:s*, s:s, s:s}", "architecture", name.machine, "cores",
			 (int)sysconf(_SC_NPROCESSORS_ONLN), "kernel", name.release, "redis", redis, "valkey",
			 valkey[0] ? valkey : NULL, "segmenter", seg_version(), "transport",
			 server->tcp ? "tcp" : "unix");
}

void bench_report_init(bench_report *report, bench_server *server)
{
	report->root = json_pack("{s:o, s:[], s:[], s:[], s:{}}", "machine", machine(server), "measures",
				 "latencies", "figures", "ratios");
	if (!report->root)
		errx(EX_OSERR, "out of memory");
}

void bench_report_fini(bench_report *report)
{
	json_decref(report->root);
}

static json_t *series_json(const bench_series *series)
{
	json_t *values = json_array();
	for (size_t i = 0; i < series->count; i++)
		json_array_append_new(values, json_real(series->values[i]));
	return json_pack("{s:f, s:f, s:f, s:o}", "median", bench_series_median(series), "lowest",
			 bench_series_lowest(series), "highest", bench_series_highest(series), "values",
			 values);
}

void bench_report_case(const char *experiment, const bench_workload *workload, size_t rounds)
{
	bench_progress_clear();
	printf("\n%s: %" PRIu64 " messages of %" PRIu32 " bytes, %" PRIu32
	       " partition%s, medians of %zu round%s\n",
	       experiment, workload->messages, workload->size, workload->partitions,
	       seg_plural(workload->partitions), rounds, seg_plural(rounds));
	printf("  %-22s %10s %23s %19s %17s %7s\n", "", "", "", "CPU ns/message", "peak memory", "CPU");
	printf("  %-22s %10s %23s %9s %9s %8s %8s %7s\n", "", "msg/s", "lowest - highest", "client", "server",
	       "client", "server", "others");
}

typedef enum { RATE, WALL, CLIENT, SERVER, CLIENT_PEAK, SERVER_PEAK, OTHERS, COLUMNS } column;

static const char *const column_names[COLUMNS] = {
	"messages_per_second", "wall_ns",           "client_cpu_ns_per_message", "server_cpu_ns_per_message",
	"client_peak_bytes",   "server_peak_bytes", "others_cpu_share",
};

static double value_of(const bench_measure *m, column c)
{
	double messages = (double)m->messages;
	switch (c) {
	case RATE:
		return messages * 1e9 / (double)m->wall;
	case WALL:
		return (double)m->wall;
	case CLIENT:
		return (double)m->client_cpu / messages;
	case SERVER:
		return (double)m->server_cpu / messages;
	case CLIENT_PEAK:
		return (double)m->client_peak;
	case SERVER_PEAK:
		return (double)m->server_peak;
	case OTHERS:
		return m->others;
	case COLUMNS:
		break;
	}
	return 0;
}

void bench_report_way(bench_report *report, const char *experiment, const bench_workload *workload,
		      const bench_way *way, const bench_measure *rounds, size_t count)
{
	bench_series series[COLUMNS] = {0};
	json_t *line = json_pack("{s:s, s:s, s:s, s:I, s:i, s:i}", "experiment", experiment, "way", way->name,
				 "help", way->help, "messages", (json_int_t)rounds[0].messages, "size",
				 (int)workload->size, "partitions", (int)workload->partitions);
	for (int c = 0; c < COLUMNS; c++) {
		for (size_t i = 0; i < count; i++)
			bench_series_add(&series[c], value_of(&rounds[i], (column)c));
		json_object_set_new(line, column_names[c], series_json(&series[c]));
	}
	json_array_append_new(json_object_get(report->root, "measures"), line);
	report->others = fmax(report->others, bench_series_median(&series[OTHERS]));
	bench_progress_clear();
	printf("  %-22s %10.0f %10.0f - %10.0f %9.0f %9.0f %4.0f MiB %4.0f MiB %6.0f%%\n", way->name,
	       bench_series_median(&series[RATE]), bench_series_lowest(&series[RATE]),
	       bench_series_highest(&series[RATE]), bench_series_median(&series[CLIENT]),
	       bench_series_median(&series[SERVER]), bench_series_median(&series[CLIENT_PEAK]) / 1048576,
	       bench_series_median(&series[SERVER_PEAK]) / 1048576,
	       bench_series_median(&series[OTHERS]) * 100);
	fflush(stdout);
}

void bench_report_heading(const char *text)
{
	bench_progress_clear();
	printf("\n%s\n", text);
}

void bench_report_figure(bench_report *report, const char *experiment, const char *name, const char *unit,
			 const bench_series *series)
{
	json_t *line = series_json(series);
	json_object_set_new(line, "experiment", json_string(experiment));
	json_object_set_new(line, "name", json_string(name));
	json_object_set_new(line, "unit", json_string(unit));
	json_array_append_new(json_object_get(report->root, "figures"), line);
	bench_progress_clear();
	printf("  %-44s %12.4g %s", name, bench_series_median(series), unit);
	if (series->count > 1)
		printf("  (%.4g - %.4g)", bench_series_lowest(series), bench_series_highest(series));
	printf("\n");
	fflush(stdout);
}

void bench_report_latency_heading(uint32_t rate, uint32_t partitions, size_t rounds)
{
	bench_progress_clear();
	printf("\nlatency in us: %" PRIu32 " messages/s of 100 bytes, %" PRIu32
	       " partition%s, medians of %zu round%s\n"
	       "  %-32s %9s %22s %9s %9s %9s\n",
	       rate, partitions, seg_plural(partitions), rounds, seg_plural(rounds), "", "p50",
	       "lowest - highest", "p99", "p99.9", "highest");
}

void bench_report_latency(bench_report *report, uint32_t rate, uint32_t partitions, const char *path,
			  const bench_series series[REPORT_QUANTILES])
{
	static const char *const names[REPORT_QUANTILES] = {"p50_us", "p99_us", "p99.9_us", "highest_us"};
	json_t *line =
		json_pack("{s:s, s:i, s:i}", "path", path, "rate", (int)rate, "partitions", (int)partitions);
	for (int q = 0; q < REPORT_QUANTILES; q++)
		json_object_set_new(line, names[q], series_json(&series[q]));
	json_array_append_new(json_object_get(report->root, "latencies"), line);
	printf("  %-32s %9.1f %9.1f - %10.1f %9.1f %9.1f %9.1f\n", path, bench_series_median(&series[0]),
	       bench_series_lowest(&series[0]), bench_series_highest(&series[0]),
	       bench_series_median(&series[1]), bench_series_median(&series[2]),
	       bench_series_median(&series[3]));
	fflush(stdout);
}

/* The quartiles, or null for a single round. */
static json_t *quartile_json(const bench_series *series, double (*quartile)(const bench_series *series))
{
	return series->count > 1 ? json_real(quartile(series)) : json_null();
}

void bench_report_ratio(bench_report *report, const char *name, const bench_series *series)
{
	const bench_goal *goal = bench_goal_find(name);
	json_t *ratio = series_json(series);
	json_object_set_new(ratio, "lower_quartile", quartile_json(series, bench_series_lower_quartile));
	json_object_set_new(ratio, "upper_quartile", quartile_json(series, bench_series_upper_quartile));
	if (goal) {
		json_object_set_new(ratio, goal->at_least ? "at_least" : "at_most", json_real(goal->value));
		json_object_set_new(ratio, "verdict",
				    json_string(bench_verdict_text(bench_goal_judge(goal, series))));
	}
	json_object_set_new(json_object_get(report->root, "ratios"), name, ratio);
}

static void print_ratio(const bench_goal *goal, const json_t *ratio)
{
	char spread[32] = "one round: no spread";
	const json_t *lower = json_object_get(ratio, "lower_quartile");
	if (json_is_real(lower))
		snprintf(spread, sizeof(spread), "%.4g - %.4g", json_real_value(lower),
			 json_real_value(json_object_get(ratio, "upper_quartile")));
	printf("ratio %-26s %9.4g  %-21s  goal %s %-6g %-16s  %s\n", goal->name,
	       json_real_value(json_object_get(ratio, "median")), spread,
	       goal->at_least ? ">=" : "<=", goal->value,
	       json_string_value(json_object_get(ratio, "verdict")), goal->help);
}

void bench_report_ratios(const bench_report *report)
{
	json_t *ratios = json_object_get(report->root, "ratios");
	printf("\n");
	if (report->others > USAGE_DISTURBED)
		printf("Other programs used up to %.0f%% of the CPU: rates and latencies are rough; CPU figures are\n"
		       "less affected.\n\n",
		       report->others * 100);
	if (json_object_size(ratios) > 0)
		printf("Each ratio: the median, and the spread of the middle half of the rounds (quartile to quartile).\n"
		       "\"met within noise\": the median misses the goal, but the goal lies inside this spread.\n\n");
	for (const bench_goal *goal = bench_goals; goal->name; goal++) {
		const json_t *ratio = json_object_get(ratios, goal->name);
		if (ratio)
			print_ratio(goal, ratio);
	}
}

void bench_report_write(const bench_report *report, const char *path)
{
	if (json_dump_file(report->root, path, JSON_INDENT(1) | JSON_REAL_PRECISION(8)))
		err(EX_CANTCREAT, "cannot write %s", path);
}
