/* test_segbench_plot.c - which figures of a report the plot of segbench shows together, and the picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/server.h"
#include "report/goals.h"
#include "report/panels.h"
#include "report/plot.h"

/* A report with these arrays; each test fills one of them. */
static json_t *report_of(const char *array, json_t *lines)
{
	json_t *root = json_pack("{s:{s:s, s:s, s:i, s:s, s:s}, s:[], s:[], s:[], s:{}}", "machine",
				 "segmenter", "0", "redis", "7", "cores", 2, "architecture", "x", "transport",
				 "unix", "measures", "latencies", "figures", "ratios");
	assert_non_null(root);
	assert_non_null(lines);
	assert_int_equal(json_object_set_new(root, array, lines), 0);
	return root;
}

static json_t *rounds(double a, double b, double c)
{
	return json_pack("{s:[f, f, f]}", "values", a, b, c);
}

static void add_way(json_t *measures, const char *experiment, const char *way, int partitions, int messages,
		    double rate)
{
	json_array_append_new(measures,
			      json_pack("{s:s, s:s, s:i, s:i, s:i, s:o}", "experiment", experiment, "way",
					way, "size", 100, "partitions", partitions, "messages", messages,
					"messages_per_second", rounds(rate * 0.8, rate, rate * 1.6)));
}

static void add_figure(json_t *figures, const char *experiment, const char *name, double value)
{
	json_t *figure = rounds(value, value, value);
	json_object_set_new(figure, "experiment", json_string(experiment));
	json_object_set_new(figure, "name", json_string(name));
	json_array_append_new(figures, figure);
}

/* The panels of a report, which this releases. The caller frees the panels. */
static bench_panels *panels_of(json_t *root)
{
	bench_panels *panels = bench_panels_create(root);
	json_decref(root);
	return panels;
}

static const bench_panel_row *row_of(const bench_panel *panel, const char *label)
{
	for (size_t i = 0; i < panel->rows; i++)
		if (strcmp(panel->row[i].label, label) == 0)
			return &panel->row[i];
	fail_msg("no row %s in the panel %s", label, panel->title);
	return NULL;
}

static void a_row_has_the_median_the_quartiles_and_the_goal(void **state)
{
	(void)state;
	json_t *measures = json_array();
	add_way(measures, "consume", "bare", 8, 1000000, 1000);
	add_way(measures, "consume", "segrunner", 8, 1000000, 500);
	add_way(measures, "consume", "xreadgroup", 8, 500000, 100);
	bench_panels *panels = panels_of(report_of("measures", measures));
	assert_int_equal(panels->count, 1);
	assert_string_equal(panels->panel[0].note, "messages/s, 100 bytes, 8 partitions");
	const bench_panel_row *ours = row_of(&panels->panel[0], "segrunner");
	assert_true(ours->ours);
	assert_float_equal(ours->bars[0].median, 500, 1e-6);
	assert_float_equal(ours->bars[0].lower, 450, 1e-6);
	assert_float_equal(ours->bars[0].upper, 650, 1e-6);
	assert_float_equal(ours->bars[0].goal, 1000 * bench_goal_find("consume/bare")->value, 1e-6);
	assert_false(row_of(&panels->panel[0], "xreadgroup")->ours);
	assert_float_equal(bench_panel_highest(&panels->panel[0], 0), 1300, 1e-6);
	free(panels);
}

static void the_same_ways_in_another_experiment_have_no_goal(void **state)
{
	(void)state;
	json_t *measures = json_array();
	add_way(measures, "peers, sending", "producer", 8, 1000000, 1000);
	add_way(measures, "peers, sending", "xadd", 8, 1000000, 500);
	bench_panels *panels = panels_of(report_of("measures", measures));
	assert_float_equal(row_of(&panels->panel[0], "producer")->bars[0].goal, 0, 1e-6);
	free(panels);
}

static void a_case_of_segrunner_and_the_bare_loop_is_drawn_only_as_a_ratio(void **state)
{
	(void)state;
	json_t *measures = json_array();
	add_way(measures, "consume", "bare", 8, 1000, 1000);
	add_way(measures, "consume", "segrunner", 8, 1000, 500);
	add_way(measures, "consume", "bare", 8, 10000, 1000);
	add_way(measures, "consume", "segrunner", 8, 10000, 500);
	add_way(measures, "curves", "bare", 16, 1000000, 1000);
	add_way(measures, "curves", "segrunner", 16, 1000000, 900);
	bench_panels *panels = panels_of(report_of("measures", measures));
	assert_int_equal(panels->count, 1);
	assert_string_equal(panels->panel[0].title, "curves");
	assert_float_equal(row_of(&panels->panel[0], "16 p, 100 B, 1 M")->bars[0].median, 0.9, 1e-6);
	free(panels);
}

static void the_ratios_of_other_numbers_of_partitions_have_their_goals(void **state)
{
	(void)state;
	json_t *ratios = json_object();
	json_object_set_new(ratios, "consume/bare-1", rounds(0.9, 0.9, 0.9));
	json_object_set_new(ratios, "consume/bare-256", rounds(0.7, 0.7, 0.7));
	bench_panels *panels = panels_of(report_of("ratios", ratios));
	assert_int_equal(panels->count, 1);
	assert_int_equal(panels->panel[0].rows, 2);
	assert_float_equal(row_of(&panels->panel[0], "256 partitions")->bars[0].goal,
			   bench_goal_find("consume/bare-256")->value, 1e-6);
	free(panels);
}

static void a_way_of_packing_is_a_row_with_its_rates_and_its_memory(void **state)
{
	(void)state;
	json_t *figures = json_array();
	add_figure(figures, "packing", "JSON, packing = off: sent", 10);
	add_figure(figures, "packing", "JSON, packing = off: consumed", 20);
	add_figure(figures, "packing", "JSON, packing = off: Redis's memory", 90);
	add_figure(figures, "packing", "JSON, packing = lz4: sent", 40);
	add_figure(figures, "packing", "JSON, packing = lz4: consumed", 50);
	add_figure(figures, "packing", "JSON, packing = lz4: Redis's memory", 30);
	add_figure(figures, "packing", "constant, packing = off: sent", 7);
	bench_panels *panels = panels_of(report_of("figures", figures));
	assert_int_equal(panels->count, 2);
	const bench_panel_row *lz4 = row_of(&panels->panel[0], "packing = lz4");
	assert_float_equal(lz4->bars[0].median, 40, 1e-6);
	assert_float_equal(lz4->bars[1].median, 50, 1e-6);
	assert_float_equal(lz4->bars[2].median, 30, 1e-6);
	assert_float_equal(lz4->bars[0].goal, bench_goal_find("packed-sent-per-s-lz4")->value, 1e-6);
	assert_float_equal(lz4->bars[2].goal, 90 * bench_goal_find("packed-memory-lz4")->value, 1e-6);
	assert_false(row_of(&panels->panel[0], "packing = off")->ours);
	assert_float_equal(row_of(&panels->panel[0], "packing = off")->bars[2].goal, 0, 1e-6);
	free(panels);
}

static void scaling_is_a_panel_of_runners_and_handlers(void **state)
{
	(void)state;
	json_t *figures = json_array();
	add_figure(figures, "scaling", "1 runner, a batch takes 0 ms", 10);
	add_figure(figures, "idle", "commands", 1);
	add_figure(figures, "scaling", "16 runners, a batch takes 0 ms", 20);
	bench_panels *panels = panels_of(report_of("figures", figures));
	assert_int_equal(panels->count, 1);
	assert_int_equal(panels->panel[0].rows, 2);
	free(panels);
}

static void a_latency_has_its_median_and_its_99th_percentile(void **state)
{
	static const char *const paths[] = {"XADD to XREAD", "producer to segrunner"};
	(void)state;
	json_t *latencies = json_array();
	for (int rate = 1000; rate <= 2000; rate += 1000)
		for (int i = 0; i < 2; i++)
			json_array_append_new(latencies,
					      json_pack("{s:s, s:i, s:i, s:o, s:o}", "path", paths[i], "rate",
							rate, "partitions", 8, "p50_us", rounds(1, 2, 3),
							"p99_us", rounds(10, 20, 30)));
	bench_panels *panels = panels_of(report_of("latencies", latencies));
	assert_int_equal(panels->count, 2);
	assert_int_equal(panels->panel[1].columns, 2);
	const bench_panel_row *row = row_of(&panels->panel[1], "producer to segrunner");
	assert_float_equal(row->bars[0].median, 2, 1e-6);
	assert_float_equal(row->bars[1].median, 20, 1e-6);
	row = row_of(&panels->panel[0], "producer to segrunner");
	assert_float_equal(row->bars[0].goal, 2 * bench_goal_find("latency-p50-1000")->value, 1e-6);
	assert_float_equal(row->bars[1].goal, 20 * bench_goal_find("latency-p99-1000")->value, 1e-6);
	free(panels);
}

static void more_rows_and_panels_than_fit_are_left_out(void **state)
{
	(void)state;
	json_t *figures = json_array(), *measures = json_array();
	char name[32];
	for (int i = 0; i < 2 * PANEL_ROWS; i++) {
		snprintf(name, sizeof(name), "%d runners", i);
		add_figure(figures, "scaling", name, i);
	}
	bench_panels *panels = panels_of(report_of("figures", figures));
	assert_int_equal(panels->panel[0].rows, PANEL_ROWS);
	assert_float_equal(panels->panel[0].row[PANEL_ROWS - 1].bars[0].median, PANEL_ROWS - 1, 1e-6);
	free(panels);
	for (int i = 0; i < 2 * PANELS_MAX; i++)
		add_way(measures, "produce", "xadd", i + 1, 1000, 1);
	panels = panels_of(report_of("measures", measures));
	assert_int_equal(panels->count, PANELS_MAX);
	free(panels);
}

static void the_picture_is_an_svg_whose_names_are_escaped(void **state)
{
	(void)state;
	char directory[64], path[96], text[8192];
	json_t *figures = json_array();
	test_directory_make(directory);
	snprintf(path, sizeof(path), "%s/plot.svg", directory);
	add_figure(figures, "scaling", "a <b> & c", 1234567);
	json_t *root = report_of("figures", figures);
	bench_plot_write(root, path);
	json_decref(root);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_memory_equal(text, "<svg ", 5);
	assert_non_null(strstr(text, ">a &lt;b> &amp; c</text>"));
	assert_non_null(strstr(text, ">1.23 M</text>"));
	assert_string_equal(text + strlen(text) - 7, "</svg>\n");
	test_directory_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_has_the_median_the_quartiles_and_the_goal),
		cmocka_unit_test(the_same_ways_in_another_experiment_have_no_goal),
		cmocka_unit_test(a_case_of_segrunner_and_the_bare_loop_is_drawn_only_as_a_ratio),
		cmocka_unit_test(the_ratios_of_other_numbers_of_partitions_have_their_goals),
		cmocka_unit_test(a_way_of_packing_is_a_row_with_its_rates_and_its_memory),
		cmocka_unit_test(scaling_is_a_panel_of_runners_and_handlers),
		cmocka_unit_test(a_latency_has_its_median_and_its_99th_percentile),
		cmocka_unit_test(more_rows_and_panels_than_fit_are_left_out),
		cmocka_unit_test(the_picture_is_an_svg_whose_names_are_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
