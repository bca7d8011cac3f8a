/* test_segbench_goals.c - the verdict of segbench on the rounds of a figure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/goals.h"
#include "report/report.h"

static const bench_goal at_least_1 = {.name = "rate", .at_least = true, .value = 1};
static const bench_goal at_most_1 = {.name = "time", .at_least = false, .value = 1};

static bench_series series_of(size_t count, const double *values)
{
	bench_series series = {0};
	for (size_t i = 0; i < count; i++)
		bench_series_add(&series, values[i]);
	return series;
}

#define ROUNDS(...) \
	series_of(sizeof((const double[]){__VA_ARGS__}) / sizeof(double), (const double[]){__VA_ARGS__})

static void assert_verdict(const bench_goal *goal, bench_series rounds, bench_verdict expected)
{
	assert_string_equal(bench_verdict_text(bench_goal_judge(goal, &rounds)),
			    bench_verdict_text(expected));
}

static void a_median_that_reaches_the_goal_meets_it(void **state)
{
	(void)state;
	assert_verdict(&at_least_1, ROUNDS(0.1, 1, 1), VERDICT_MET);
	assert_verdict(&at_most_1, ROUNDS(9, 1, 1), VERDICT_MET);
	assert_verdict(&at_least_1, ROUNDS(1), VERDICT_MET);
}

static void a_goal_inside_the_spread_is_met_within_noise(void **state)
{
	(void)state;
	assert_verdict(&at_least_1, ROUNDS(0.8, 0.9, 0.95, 1, 1.1), VERDICT_NOISE);
	assert_verdict(&at_most_1, ROUNDS(1.3, 1.2, 1.1, 1, 0.9), VERDICT_NOISE);
}

static void one_lucky_round_of_five_is_no_noise(void **state)
{
	(void)state;
	assert_verdict(&at_least_1, ROUNDS(0.8, 0.9, 0.95, 0.97, 7), VERDICT_MISSED);
	assert_verdict(&at_most_1, ROUNDS(1.3, 1.2, 1.1, 1.01, 0), VERDICT_MISSED);
}

static void the_bad_end_of_the_spread_does_not_excuse_a_miss(void **state)
{
	(void)state;
	assert_verdict(&at_least_1, ROUNDS(0.1, 0.2, 0.99, 0.99, 0.99), VERDICT_MISSED);
	assert_verdict(&at_most_1, ROUNDS(1.01, 1.01, 1.01, 8, 9), VERDICT_MISSED);
}

static void a_single_round_has_no_noise(void **state)
{
	(void)state;
	assert_verdict(&at_least_1, ROUNDS(0.999), VERDICT_MISSED);
	assert_verdict(&at_most_1, ROUNDS(1.001), VERDICT_MISSED);
}

static void a_goal_for_more_cores_is_not_judged(void **state)
{
	(void)state;
	const bench_goal goal = {.name = "rate", .at_least = true, .value = 1, .spare_cores = 1 << 20};
	assert_verdict(&goal, ROUNDS(2, 2, 2), VERDICT_NOT_JUDGED);
}

static void quartiles_hold_the_middle_half_of_the_rounds(void **state)
{
	(void)state;
	bench_series five = ROUNDS(5, 1, 4, 2, 3), four = ROUNDS(4, 3, 2, 1), one = ROUNDS(7), none = {0};
	assert_float_equal(bench_series_lower_quartile(&five), 2, 1e-9);
	assert_float_equal(bench_series_median(&five), 3, 1e-9);
	assert_float_equal(bench_series_upper_quartile(&five), 4, 1e-9);
	assert_float_equal(bench_series_lower_quartile(&four), 1.75, 1e-9);
	assert_float_equal(bench_series_median(&four), 2.5, 1e-9);
	assert_float_equal(bench_series_upper_quartile(&four), 3.25, 1e-9);
	assert_float_equal(bench_series_lower_quartile(&one), 7, 1e-9);
	assert_float_equal(bench_series_upper_quartile(&one), 7, 1e-9);
	assert_float_equal(bench_series_upper_quartile(&none), 0, 1e-9);
}

/* What the JSON says of a ratio with these rounds. The caller releases it. */
static json_t *reported(const char *name, bench_series rounds)
{
	bench_report report = {.root = json_pack("{s:{}}", "ratios")};
	assert_non_null(report.root);
	bench_report_ratio(&report, name, &rounds);
	json_t *ratio = json_incref(json_object_get(json_object_get(report.root, "ratios"), name));
	bench_report_fini(&report);
	assert_non_null(ratio);
	return ratio;
}

static void the_json_of_a_ratio_has_its_goal_spread_and_verdict(void **state)
{
	(void)state;
	json_t *ratio = reported("client-cpu", ROUNDS(290, 310, 320, 280, 330));
	assert_float_equal(json_real_value(json_object_get(ratio, "lower_quartile")), 290, 1e-9);
	assert_float_equal(json_real_value(json_object_get(ratio, "upper_quartile")), 320, 1e-9);
	assert_float_equal(json_real_value(json_object_get(ratio, "at_most")), 300, 1e-9);
	assert_null(json_object_get(ratio, "at_least"));
	assert_string_equal(json_string_value(json_object_get(ratio, "verdict")), "met within noise");
	json_decref(ratio);
}

static void the_json_of_a_single_round_says_that_there_is_no_spread(void **state)
{
	(void)state;
	json_t *ratio = reported("client-cpu", ROUNDS(310));
	assert_true(json_is_null(json_object_get(ratio, "lower_quartile")));
	assert_true(json_is_null(json_object_get(ratio, "upper_quartile")));
	assert_string_equal(json_string_value(json_object_get(ratio, "verdict")), "missed");
	json_decref(ratio);
}

static void each_goal_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (const bench_goal *goal = bench_goals; goal->name; goal++)
		assert_ptr_equal(bench_goal_find(goal->name), goal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_median_that_reaches_the_goal_meets_it),
		cmocka_unit_test(a_goal_inside_the_spread_is_met_within_noise),
		cmocka_unit_test(one_lucky_round_of_five_is_no_noise),
		cmocka_unit_test(the_bad_end_of_the_spread_does_not_excuse_a_miss),
		cmocka_unit_test(a_single_round_has_no_noise),
		cmocka_unit_test(a_goal_for_more_cores_is_not_judged),
		cmocka_unit_test(quartiles_hold_the_middle_half_of_the_rounds),
		cmocka_unit_test(the_json_of_a_ratio_has_its_goal_spread_and_verdict),
		cmocka_unit_test(the_json_of_a_single_round_says_that_there_is_no_spread),
		cmocka_unit_test(each_goal_has_a_name_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
