#include "report/panels.h"

#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/plural.h"
#include "measure/series.h"
#include "report/goals.h"

/* --- a report's JSON ---------------------------------------------------------------------- */

static const char *text_of(const json_t *line, const char *name)
{
	const char *text = json_string_value(json_object_get(line, name));
	return text ? text : "";
}

static long long number_of(const json_t *line, const char *name)
{
	return (long long)json_integer_value(json_object_get(line, name));
}

static bench_series series_of(const json_t *figure)
{
	const json_t *values = json_object_get(figure, "values");
	bench_series series = {0};
	for (size_t i = 0; i < json_array_size(values); i++)
		bench_series_add(&series, json_number_value(json_array_get(values, i)));
	return series;
}

static bench_bar bar_of(const bench_series *series)
{
	return (bench_bar){.median = bench_series_median(series),
			   .lower = bench_series_lower_quartile(series),
			   .upper = bench_series_upper_quartile(series)};
}

static bench_bar bar_in(const json_t *line, const char *figure)
{
	bench_series series = series_of(json_object_get(line, figure));
	return bar_of(&series);
}

/* The value of a goal; 0 for none, or if this machine has too few cores for it. */
static double goal_value(const char *name)
{
	const bench_goal *goal = bench_goal_find(name);
	const bench_series none = {0};
	return goal && bench_goal_judge(goal, &none) != VERDICT_NOT_JUDGED ? goal->value : 0;
}

/* --- panels and rows ---------------------------------------------------------------------- */

/* Whether a label names a part of Segmenter, not what it is compared with. */
static bool is_ours(const char *label)
{
	return strstr(label, "segrunner") || strstr(label, "consumer") || strstr(label, "producer");
}

/* A new panel without rows. If there are too many, it does not count. */
static bench_panel *add_panel(bench_panels *panels, const char *title, size_t columns)
{
	bench_panel *panel = &panels->panel[panels->count];
	panels->count += panels->count < PANELS_MAX;
	*panel = (bench_panel){.columns = columns};
	snprintf(panel->title, sizeof(panel->title), "%s", title);
	return panel;
}

static bench_panel_row *find_row(bench_panel *panel, const char *label)
{
	for (size_t i = 0; i < panel->rows; i++)
		if (strcmp(panel->row[i].label, label) == 0)
			return &panel->row[i];
	return NULL;
}

/* The row of that label: a new one, if there is none. If there are too many, it does not count. */
static bench_panel_row *row_of(bench_panel *panel, const char *label)
{
	bench_panel_row *row = find_row(panel, label);
	if (row)
		return row;
	row = &panel->row[panel->rows];
	panel->rows += panel->rows < PANEL_ROWS;
	*row = (bench_panel_row){.ours = is_ours(label)};
	snprintf(row->label, sizeof(row->label), "%s", label);
	return row;
}

double bench_panel_highest(const bench_panel *panel, size_t column)
{
	double highest = 0;
	for (size_t i = 0; i < panel->rows; i++) {
		const bench_bar *bar = &panel->row[i].bars[column];
		highest = fmax(highest, fmax(fmax(bar->median, bar->upper), bar->goal));
	}
	return highest;
}

/* --- rates -------------------------------------------------------------------------------- */

static bool is_same(const json_t *a, const json_t *b, const char *name)
{
	return json_equal(json_object_get(a, name), json_object_get(b, name));
}

/* The end of the case that begins at the line `first`: all ways on one workload. */
static size_t case_end(const json_t *measures, size_t first)
{
	const json_t *line = json_array_get(measures, first), *next;
	size_t end = first + 1;
	while ((next = json_array_get(measures, end)) && is_same(line, next, "experiment") &&
	       is_same(line, next, "size") && is_same(line, next, "partitions") &&
	       !is_same(line, next, "way"))
		end++;
	return end;
}

/* Whether a case compares only segrunner with the bare loop; then only the ratio is drawn. */
static bool is_pair(const json_t *measures, size_t first, size_t end)
{
	return end - first == 2 && strcmp(text_of(json_array_get(measures, first), "way"), "bare") == 0 &&
	       strcmp(text_of(json_array_get(measures, first + 1), "way"), "segrunner") == 0;
}

/* The goals that are a multiple of another way's rate, for 8 partitions and 100 bytes. */
static void set_rate_goals(bench_panel *panel)
{
	static const struct {
		const char *experiment, *ours, *reference, *goal;
	} goals[] = {{"consume", "segrunner", "bare", "consume/bare"},
		     {"produce", "producer", "xadd", "produce/xadd"}};
	for (size_t g = 0; g < sizeof(goals) / sizeof(goals[0]); g++) {
		bench_panel_row *ours = find_row(panel, goals[g].ours);
		const bench_panel_row *reference = find_row(panel, goals[g].reference);
		if (ours && reference && strcmp(panel->title, goals[g].experiment) == 0)
			ours->bars[0].goal = reference->bars[0].median * goal_value(goals[g].goal);
	}
}

static void add_case(bench_panels *panels, const json_t *measures, size_t first, size_t end)
{
	const json_t *line = json_array_get(measures, first);
	long long size = number_of(line, "size"), partitions = number_of(line, "partitions");
	bench_panel *panel = add_panel(panels, text_of(line, "experiment"), 1);
	snprintf(panel->note, sizeof(panel->note), "messages/s, %lld bytes, %lld partition%s", size,
		 partitions, seg_plural(partitions));
	for (size_t i = first; i < end; i++) {
		line = json_array_get(measures, i);
		row_of(panel, text_of(line, "way"))->bars[0] = bar_in(line, "messages_per_second");
	}
	if (size == 100 && partitions == 8)
		set_rate_goals(panel);
}

static void add_rates(bench_panels *panels, const json_t *root)
{
	const json_t *measures = json_object_get(root, "measures");
	for (size_t i = 0, end; i < json_array_size(measures); i = end) {
		end = case_end(measures, i);
		if (!is_pair(measures, i, end))
			add_case(panels, measures, i, end);
	}
}

/* --- how the cost grows ------------------------------------------------------------------- */

/* The goals at other numbers of partitions, beside the usual one. */
static void add_limits(bench_panels *panels, const json_t *root)
{
	static const struct {
		const char *ratio, *label;
	} limits[] = {
		{"consume/bare-1", "1 partition"},
		{"consume/bare", "8 partitions"},
		{"consume/bare-64", "64 partitions"},
		{"consume/bare-256", "256 partitions"},
		{"consume/bare-backlog-1000", "8 partitions, 1,000 messages"},
		{"consume/bare-backlog-10000", "8 partitions, 10,000 messages"},
	};
	const json_t *ratios = json_object_get(root, "ratios");
	if (!json_object_get(ratios, limits[0].ratio))
		return;
	bench_panel *panel = add_panel(panels, "consume, relative", 1);
	snprintf(panel->note, sizeof(panel->note), "segrunner's messages/s / the bare XREAD loop's");
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		bench_series series = series_of(json_object_get(ratios, limits[i].ratio));
		if (series.count == 0)
			continue;
		bench_panel_row *row = row_of(panel, limits[i].label);
		row->bars[0] = bar_of(&series);
		row->bars[0].goal = goal_value(limits[i].ratio);
		row->ours = true;
	}
}

/* A million as "1 M"; other numbers rounded to thousands where that is shorter. */
static void format_count(long long count, char text[32])
{
	if (count >= 1000000)
		snprintf(text, 32, "%.3g M", (double)count / 1e6);
	else if (count >= 1000)
		snprintf(text, 32, "%.3g k", (double)count / 1e3);
	else
		snprintf(text, 32, "%lld", count);
}

static void add_pair(bench_panel *panel, const json_t *bare, const json_t *ours)
{
	char label[PANEL_TEXT], count[32];
	bench_series a = series_of(json_object_get(ours, "messages_per_second"));
	bench_series b = series_of(json_object_get(bare, "messages_per_second")), ratio = {0};
	for (size_t i = 0; i < a.count && i < b.count; i++)
		bench_series_add(&ratio, a.values[i] / b.values[i]);
	format_count(number_of(ours, "messages"), count);
	snprintf(label, sizeof(label), "%lld p, %lld B, %s", number_of(ours, "partitions"),
		 number_of(ours, "size"), count);
	bench_panel_row *row = row_of(panel, label);
	row->bars[0] = bar_of(&ratio);
	row->ours = true;
}

static void add_curves(bench_panels *panels, const json_t *root)
{
	const json_t *measures = json_object_get(root, "measures");
	bench_panel *panel = NULL;
	for (size_t i = 0, end; i < json_array_size(measures); i = end) {
		end = case_end(measures, i);
		if (!is_pair(measures, i, end) ||
		    strcmp(text_of(json_array_get(measures, i), "experiment"), "curves") != 0)
			continue;
		if (!panel) {
			panel = add_panel(panels, "curves", 1);
			snprintf(panel->note, sizeof(panel->note),
				 "segrunner / bare XREAD loop; partitions, bytes, messages");
		}
		add_pair(panel, json_array_get(measures, i), json_array_get(measures, i + 1));
	}
}

static void add_scaling(bench_panels *panels, const json_t *root)
{
	const json_t *figures = json_object_get(root, "figures"), *line;
	bench_panel *panel = NULL;
	for (size_t i = 0; (line = json_array_get(figures, i)); i++) {
		if (strcmp(text_of(line, "experiment"), "scaling") != 0)
			continue;
		if (!panel) {
			panel = add_panel(panels, "scaling", 1);
			snprintf(panel->note, sizeof(panel->note),
				 "messages/s of all segrunners together, 100 bytes, 32 partitions");
		}
		bench_panel_row *row = row_of(panel, text_of(line, "name"));
		bench_series series = series_of(line);
		row->bars[0] = bar_of(&series);
		row->ours = true;
	}
}

/* --- packing ------------------------------------------------------------------------------ */

enum { SENT, CONSUMED, MEMORY };

/* The goal of a column for a way of packing; packing.c and goals.c have the names. */
static double packing_goal(int column, const char *packing)
{
	static const char *const names[] = {"packed-sent-per-s", "packed-consumed-per-s", "packed-memory"};
	char name[64];
	if (strcmp(packing, "off") == 0)
		return 0;
	snprintf(name, sizeof(name), "%s%s%s", names[column], strcmp(packing, "on") == 0 ? "" : "-",
		 strcmp(packing, "on") == 0 ? "" : packing);
	return goal_value(name);
}

/* Memory has goals relative to another row: of zstd to LZ4, of others to unpacked records. */
static void set_packing_goals(bench_panel *panel)
{
	for (size_t i = 0; i < panel->rows; i++) {
		bench_panel_row *row = &panel->row[i];
		const char *packing = row->label + strlen("packing = ");
		const bench_panel_row *reference =
			find_row(panel, strcmp(packing, "zstd") == 0 ? "packing = lz4" : "packing = off");
		for (int c = SENT; c <= MEMORY; c++)
			row->bars[c].goal = packing_goal(c, packing);
		row->bars[MEMORY].goal *= reference ? reference->bars[MEMORY].median : 0;
	}
}

/* The column of a figure "JSON, packing = on: sent", and its label "packing = on"; or -1. */
static int read_packing(const json_t *line, const char *payload, char label[32])
{
	static const char *const endings[] = {": sent", ": consumed", ": Redis's memory"};
	const char *name = text_of(line, "name"), *colon = strchr(name, ':');
	size_t skip = strlen(payload) + strlen(", ");
	if (strcmp(text_of(line, "experiment"), "packing") != 0 || !colon ||
	    strncmp(name, payload, strlen(payload)) != 0 || (size_t)(colon - name) < skip)
		return -1;
	snprintf(label, 32, "%.*s", (int)(colon - name - (ptrdiff_t)skip), name + skip);
	for (int c = SENT; c <= MEMORY; c++)
		if (strcmp(colon, endings[c]) == 0)
			return c;
	return -1;
}

static void add_packing(bench_panels *panels, const json_t *root, const char *payload)
{
	const json_t *figures = json_object_get(root, "figures"), *line;
	bench_panel *panel = NULL;
	for (size_t i = 0; (line = json_array_get(figures, i)); i++) {
		char label[32];
		int column = read_packing(line, payload, label);
		if (column < 0)
			continue;
		if (!panel) {
			panel = add_panel(panels, "packing", PANEL_COLUMNS);
			snprintf(panel->note, sizeof(panel->note), "%s records of the producer", payload);
			panel->headings[SENT] = "sent, records/s";
			panel->headings[CONSUMED] = "consumed, records/s";
			panel->headings[MEMORY] = "Redis's bytes a record";
		}
		bench_series series = series_of(line);
		bench_panel_row *row = row_of(panel, label);
		row->bars[column] = bar_of(&series);
		row->ours = strcmp(label, "packing = off") != 0;
	}
	if (panel && strcmp(payload, "JSON") == 0)
		set_packing_goals(panel);
}

/* --- latencies ---------------------------------------------------------------------------- */

enum { P50, P99, QUANTILES };

static void add_latency_row(bench_panel *panel, const json_t *line)
{
	static const char *const figures[QUANTILES] = {"p50_us", "p99_us"};
	bench_panel_row *row = row_of(panel, text_of(line, "path"));
	for (int q = P50; q < QUANTILES; q++)
		row->bars[q] = bar_in(line, figures[q]);
}

/* The goals relative to the first row, the bare path; latency.c has the names. */
static void set_latency_goals(bench_panel *panel, const char *goals)
{
	static const char *const quantiles[QUANTILES] = {"p50", "p99"};
	for (size_t i = 1; i < panel->rows; i++) {
		bench_panel_row *row = &panel->row[i];
		bool producer = strncmp(row->label, "producer", strlen("producer")) == 0;
		if (!producer && strncmp(row->label, "XADD", strlen("XADD")) != 0)
			continue;
		for (int q = P50; q < QUANTILES; q++) {
			char name[PANEL_TEXT];
			snprintf(name, sizeof(name), "latency-%s%s-%s", producer ? "" : "xadd-", quantiles[q],
				 strstr(row->label, "spinning") ? "spin" : goals);
			row->bars[q].goal = goal_value(name) * panel->row[0].bars[q].median;
		}
	}
}

static void add_latencies(bench_panels *panels, const json_t *root)
{
	const json_t *latencies = json_object_get(root, "latencies"), *line, *first = NULL;
	bench_panel *panel = NULL;
	for (size_t i = 0; (line = json_array_get(latencies, i)); i++) {
		if (!first || !is_same(first, line, "rate") || !is_same(first, line, "partitions")) {
			long long partitions = number_of(line, "partitions");
			first = line;
			panel = add_panel(panels, "latency", QUANTILES);
			snprintf(panel->note, sizeof(panel->note),
				 "at %lld messages/s, 100 bytes, %lld partition%s", number_of(line, "rate"),
				 partitions, seg_plural(partitions));
			panel->headings[P50] = "median, us";
			panel->headings[P99] = "99th percentile, us";
		}
		add_latency_row(panel, line);
		char rate[32];
		snprintf(rate, sizeof(rate), "%lld", number_of(line, "rate"));
		set_latency_goals(panel, rate);
	}
}

bench_panels *bench_panels_create(const json_t *root)
{
	bench_panels *panels = calloc(1, sizeof(*panels));
	if (!panels)
		err(EX_OSERR, "cannot allocate the plot");
	add_rates(panels, root);
	add_limits(panels, root);
	add_curves(panels, root);
	add_scaling(panels, root);
	add_packing(panels, root, "JSON");
	add_packing(panels, root, "constant");
	add_latencies(panels, root);
	return panels;
}
