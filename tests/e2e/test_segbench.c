/*
 * test_segbench.c - the measuring tool: that it measures, that machines can read what it says, and that it
 * refuses what it cannot do. How fast anything is, is none of a test's business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <cmocka.h>
#include <jansson.h>

#include "harness/runner.h"
#include "harness/server.h"
#include "harness/shell.h"

/* Runs segbench with these arguments; returns its exit code. */
static int segbench(const char *arguments)
{
	char command[1024];
	snprintf(command, sizeof(command), "exec '%s/framework/tools/segbench/segbench' %s 2>&1",
		 test_build_directory(), arguments);
	return test_shell_run(command);
}

/* The value of a line `ratio NAME VALUE`; fails the test if there is none. */
static double ratio(const char *name)
{
	char start[64];
	snprintf(start, sizeof(start), "\nratio %s ", name);
	const char *line = strstr(test_shell_said, start);
	if (!line)
		fail_msg("no line `ratio %s` in: %s", name, test_shell_said);
	char *end;
	double value = strtod(line + strlen(start), &end);
	assert_ptr_not_equal(end, line + strlen(start));
	return value;
}

static void a_comparison_ends_with_a_ratio_for_each_goal_it_measured(void **state)
{
	(void)state;
	assert_int_equal(segbench("--quick --only consume --messages 20000 --rounds 1"), EX_OK);
	assert_true(ratio("consume/bare") > 0);
	assert_true(ratio("consume/xreadgroup") > 0);
	assert_true(ratio("server-cpu/bare") > 0);
	assert_true(ratio("client-cpu") > 0);
	assert_non_null(strstr(test_shell_said, "one round: no spread"));
}

static void other_numbers_of_partitions_and_short_backlogs_have_goals_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(segbench("--compare --only consume --messages 20000 --rounds 2"), EX_OK);
	assert_true(ratio("consume/bare-1") > 0);
	assert_true(ratio("consume/bare-64") > 0);
	assert_true(ratio("consume/bare-256") > 0);
	assert_true(ratio("consume/bare-backlog-1000") > 0);
	assert_true(ratio("consume/bare-backlog-10000") > 0);
	assert_null(strstr(test_shell_said, "one round: no spread"));
}

static void its_json_holds_every_way_that_was_measured(void **state)
{
	static const char *const ways[] = {"bare", "segrunner", "consumer", "xreadgroup", "xreadgroup-one"};
	(void)state;
	char directory[64], arguments[256], path[96];
	test_directory_make(directory);
	snprintf(path, sizeof(path), "%s/figures.json", directory);
	snprintf(arguments, sizeof(arguments), "--quick --only consume --messages 20000 --rounds 2 --json %s",
		 path);
	assert_int_equal(segbench(arguments), EX_OK);
	json_t *root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	json_t *measures = json_object_get(root, "measures");
	assert_int_equal(json_array_size(measures), sizeof(ways) / sizeof(ways[0]));
	for (size_t i = 0; i < json_array_size(measures); i++) {
		json_t *measure = json_array_get(measures, i),
		       *rate = json_object_get(measure, "messages_per_second");
		assert_string_equal(json_string_value(json_object_get(measure, "way")), ways[i]);
		assert_int_equal(json_array_size(json_object_get(rate, "values")), 2);
		assert_true(json_real_value(json_object_get(rate, "median")) > 0);
	}
	json_t *ratio = json_object_get(json_object_get(root, "ratios"), "consume/bare");
	assert_true(json_is_real(json_object_get(ratio, "lower_quartile")));
	assert_true(json_is_string(json_object_get(ratio, "verdict")));
	json_decref(root);
	test_directory_remove(directory);
}

static void its_plot_is_a_picture_of_each_way(void **state)
{
	(void)state;
	char directory[64], arguments[256], path[96];
	test_directory_make(directory);
	snprintf(path, sizeof(path), "%s/figures.svg", directory);
	snprintf(arguments, sizeof(arguments), "--quick --only produce --messages 8000 --rounds 1 --plot %s",
		 path);
	assert_int_equal(segbench(arguments), EX_OK);
	snprintf(arguments, sizeof(arguments), "cat %s", path);
	assert_int_equal(test_shell_run(arguments), 0);
	assert_memory_equal(test_shell_said, "<svg ", 5);
	assert_non_null(strstr(test_shell_said, ">xadd</text>"));
	assert_non_null(strstr(test_shell_said, ">producer</text>"));
	assert_string_equal(test_shell_said + strlen(test_shell_said) - 7, "</svg>\n");
	test_directory_remove(directory);
}

static void it_works_through_tcp(void **state)
{
	(void)state;
	assert_int_equal(segbench("--quick --tcp --only consume --messages 8000 --rounds 1"), EX_OK);
	assert_true(ratio("consume/bare") > 0);
}

static void a_distance_is_reported_relative_to_0_ms(void **state)
{
	(void)state;
	assert_int_equal(segbench("--quick --rtt 10 --messages 20000 --rounds 1"), EX_OK);
	assert_non_null(strstr(test_shell_said, "segrunner, 10 ms / 0 ms"));
	assert_true(ratio("produce-at-50ms") > 0);
	assert_true(ratio("consume-at-50ms") > 0);
	assert_true(ratio("poll-at-50ms") > 0);
	assert_int_equal(segbench("--rtt 0"), EX_USAGE);
	assert_non_null(strstr(test_shell_said, "--rtt 0: expected a number from 1 to 10000"));
}

static void each_message_takes_the_round_trip_time_that_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(
		segbench("--quick --tcp --rtt 20 --only produce --messages 1000 --partitions 1 --rounds 1"),
		EX_OK);
	const char *line = strstr(test_shell_said, "\n  xadd-hiredis");
	assert_non_null(line);
	/* The way waits for its 1,000 replies in 4 steps, of at least 20 ms each. */
	assert_in_range(strtol(line + strlen("\n  xadd-hiredis"), NULL, 10), 1, 12500);
}

static void packed_records_arrive_and_have_rates_and_a_size(void **state)
{
	(void)state;
	assert_int_equal(segbench("--quick --only packing --messages 20000 --rounds 1"), EX_OK);
	assert_true(ratio("packed-sent-per-s") > 0);
	assert_true(ratio("packed-consumed-per-s") > 0);
	assert_true(ratio("packed-memory") < 1.2);
	assert_non_null(strstr(test_shell_said, "JSON, packing = on: Redis's memory"));
	assert_non_null(strstr(test_shell_said, "constant, packing = on: Redis's memory"));
}

static void handlers_that_write_keep_and_work_at_once_are_measured(void **state)
{
	(void)state;
	assert_int_equal(segbench("--quick --only pipeline --messages 20000 --rounds 1"), EX_OK);
	assert_true(ratio("pipeline") > 0);
	assert_int_equal(segbench("--quick --only state --messages 20000 --rounds 1"), EX_OK);
	assert_true(ratio("state") > 0);
	assert_int_equal(segbench("--quick --only parallel --messages 20000 --rounds 1"), EX_OK);
	assert_true(ratio("parallel") > 1);
	assert_true(ratio("parallel-one-fails") > 0);
	assert_true(ratio("parallel-empty") > 0);
	assert_true(ratio("parallel-polled") > 1);
	assert_true(ratio("parallel-polled-empty") > 0);
	assert_true(ratio("parallel-polled-alone") > 0);
	assert_int_equal(segbench("--quick --only hot-key --messages 20000 --rounds 1"), EX_OK);
	assert_true(ratio("hot-key-fails") > 0);
}

static void as_many_runners_as_are_asked_for_share_the_messages(void **state)
{
	(void)state;
	assert_int_equal(segbench("--quick --only scaling --messages 20000 --rounds 1"), EX_OK);
	assert_non_null(strstr(test_shell_said, "16 runners, a batch takes 0 ms"));
	assert_non_null(strstr(test_shell_said, "1 runner, a batch takes 10 ms"));
}

/* Whether the JSON has a figure of this name with as many values as rounds. */
static bool has_figure(const json_t *root, const char *name, size_t rounds)
{
	json_t *figures = json_object_get(root, "figures");
	for (size_t i = 0; i < json_array_size(figures); i++) {
		json_t *figure = json_array_get(figures, i);
		if (strcmp(json_string_value(json_object_get(figure, "name")), name) == 0)
			return json_array_size(json_object_get(figure, "values")) == rounds &&
			       json_real_value(json_object_get(figure, "median")) > 0;
	}
	return false;
}

/* Runs an experiment for one round; its JSON has all these figures. */
static void assert_figures(const char *arguments, const char *const *names)
{
	char directory[64], all[256], path[96];
	test_directory_make(directory);
	snprintf(path, sizeof(path), "%s/figures.json", directory);
	snprintf(all, sizeof(all), "--quick --rounds 1 %s --json %s", arguments, path);
	assert_int_equal(segbench(all), EX_OK);
	json_t *root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	for (; *names; names++)
		if (!has_figure(root, *names, 1))
			fail_msg("no figure %s in: %s", *names, test_shell_said);
	json_decref(root);
	test_directory_remove(directory);
}

static void tls_is_reported_relative_to_plain_tcp_and_to_the_bare_loop(void **state)
{
	static const char *const names[] = {"producer, TLS: messages/s", "bare, TLS: Redis CPU",
					    "segrunner, TLS: messages/s", "consumer, TLS: client CPU", NULL};
	(void)state;
	assert_figures("--only tls --messages 8000", names);
	assert_true(ratio("consume-tls") > 0);
	assert_true(ratio("consume-tls/bare-tls") > 0);
}

static void clusters_of_up_to_three_masters_are_reported_relative_to_one_server(void **state)
{
	static const char *const names[] = {"producer, 1 master: messages/s",
					    "producer, 2 masters: Redis CPU",
					    "segrunner, 3 masters: client CPU", NULL};
	(void)state;
	assert_figures("--only cluster --messages 8000", names);
}

static void ack_replicas_has_rates_and_the_latency_of_a_single_send(void **state)
{
	static const char *const names[] = {"producer, 1: messages/s", "segrunner, 1: messages/s",
					    "a single send, 0: p50", "ack_replicas = 1 / 0: p99", NULL};
	(void)state;
	assert_figures("--only ack-replicas --messages 8000", names);
}

static void the_doorbell_is_reported_relative_to_a_blocking_read(void **state)
{
	static const char *const names[] = {"20 partitions, XREAD BLOCK: Redis's CPU",
					    "20 partitions, doorbell: p99",
					    "20 partitions, doorbell / BLOCK: CPU", NULL};
	(void)state;
	assert_figures("--only wait --messages 1000 --partitions 20", names);
}

static void many_segrunners_have_figures_of_their_start_and_of_what_they_cost_then(void **state)
{
	static const char *const names[] = {"all start at once: until they share the partitions",
					    "no messages: commands",
					    "200 messages/s, each for 5 groups: Redis's CPU", NULL};
	(void)state;
	assert_figures("--only scale", names);
}

static void peers_move_the_same_messages(void **state)
{
	static const char *const names[] = {"producer / xadd", "segrunner / xreadgroup", NULL};
	static const char *const of_nats[] = {"producer / nats-publish", "segrunner / nats-fetch",
					      "segrunner / nats-fetch-each", NULL};
	(void)state;
	assert_figures("--peers --messages 20000", names);
	if (strstr(test_shell_said, "NATS is not measured"))
		skip(); /* the line says what is not installed */
	assert_figures("--peers --messages 20000", of_nats);
}

/* A libnats.so without the functions of libnats is found before the real one. */
static void a_peer_that_is_not_installed_is_named_with_its_package(void **state)
{
	(void)state;
	char directory[64], command[512];
	test_directory_make(directory);
	snprintf(command, sizeof(command), "cp '%s/framework/tools/segbench/segbench_noop.so' %s/libnats.so",
		 test_build_directory(), directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(setenv("LD_LIBRARY_PATH", directory, 1), 0);
	assert_int_equal(segbench("--peers --quick --messages 8000 --rounds 1"), EX_OK);
	unsetenv("LD_LIBRARY_PATH");
	assert_non_null(strstr(test_shell_said,
			       "NATS is not measured: libnats is not installed (Debian: apt-get install "
			       "libnats-dev)."));
	assert_null(strstr(test_shell_said, "nats-publish"));
	assert_non_null(strstr(test_shell_said, "segrunner / xreadgroup"));
	test_directory_remove(directory);
}

static void a_crowd_of_simulated_members_has_figures_of_its_calls(void **state)
{
	static const char *const names[] = {"all start at once: all calls until they own their shares",
					    "a heartbeat in which nothing changed",
					    "one joins: the longest call", "one dies: the longest call",
					    NULL};
	(void)state;
	assert_figures("--only crowd", names);
}

static void nothing_is_allocated_for_a_message(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* the sanitizer's malloc cannot be counted */
#endif
	assert_int_equal(segbench("--quick --only allocations --messages 400000"), EX_OK);
	assert_true(ratio("allocations-per-message") < 0.001);
}

/* A window in which no messages arrived must not become a figure. */
static void messages_too_few_to_count_allocations_have_no_figure(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* the sanitizer's malloc cannot be counted */
#endif
	int code = segbench("--quick --only allocations --messages 1000");
	assert_null(strstr(test_shell_said, "nan"));
	if (code != EX_OK)
		assert_non_null(strstr(test_shell_said, "segrunner was done before segbench could count"));
}

static void what_it_does_not_know_is_refused_with_the_way_to_mend_it(void **state)
{
	(void)state;
	assert_int_equal(segbench("--only consumption"), EX_USAGE);
	assert_non_null(
		strstr(test_shell_said,
		       "--only consumption: unknown experiment; segbench --help lists the experiments"));
	assert_int_equal(segbench("--rounds 0"), EX_USAGE);
	assert_non_null(strstr(test_shell_said, "--rounds 0: expected a number from 1 to "));
	assert_int_equal(segbench("--rounds -1"), EX_USAGE);
	assert_int_equal(segbench("--size 10x"), EX_USAGE);
	assert_int_equal(segbench("fast"), EX_USAGE);
	assert_non_null(strstr(test_shell_said, "unexpected argument \"fast\""));
	assert_int_equal(segbench("--fast"), EX_USAGE);
}

static void a_server_that_cannot_run_is_named(void **state)
{
	(void)state;
	assert_int_equal(segbench("--redis /nowhere/valkey-server --quick --only idle"), EX_UNAVAILABLE);
	assert_non_null(strstr(test_shell_said, "/nowhere/valkey-server cannot be run; is it installed?"));
}

static void a_file_that_cannot_be_written_is_known_before_anything_is_measured(void **state)
{
	(void)state;
	assert_int_equal(segbench("--json /nowhere/figures.json"), EX_CANTCREAT);
	assert_non_null(
		strstr(test_shell_said, "cannot write /nowhere/figures.json: No such file or directory"));
	assert_null(strstr(test_shell_said, "round 1"));
}

/*
 * Runs segbench with a redis-server in which `command` does what `other` does, so that its replies are of
 * another type.
 */
static int segbench_beside(const char *command, const char *other, const char *arguments)
{
	char directory[64], path[96], line[256];
	test_directory_make(directory);
	snprintf(path, sizeof(path), "%s/redis-server", directory);
	FILE *script = fopen(path, "w");
	assert_non_null(script);
	fprintf(script,
		"#!/bin/sh\nPATH=${PATH#*:}\n"
		"exec redis-server \"$@\" --rename-command %s REAL%s --rename-command %s %s\n",
		command, command, other, command);
	assert_int_equal(fclose(script), 0);
	assert_int_equal(chmod(path, 0700), 0);
	const char *before = getenv("PATH");
	char *restored = strdup(before);
	snprintf(line, sizeof(line), "%s:%s", directory, restored);
	setenv("PATH", line, 1);
	int code = segbench(arguments);
	setenv("PATH", restored, 1);
	free(restored);
	test_directory_remove(directory);
	return code;
}

static void a_reply_of_another_type_ends_it_with_the_command_and_the_type(void **state)
{
	(void)state;
	assert_int_equal(segbench_beside("INFO", "EXISTS", "--quick --only consume --messages 8000"),
			 EX_PROTOCOL);
	assert_non_null(
		strstr(test_shell_said,
		       "redis-server: unexpected reply to INFO: expected a string, got an integer\n"));
	assert_int_equal(segbench_beside("EVALSHA", "MGET", "--quick --only coordinate"), EX_PROTOCOL);
	assert_non_null(strstr(test_shell_said,
			       "redis-server: unexpected reply to coordinate: expected a string, got nil\n"));
	segbench_beside("XREADGROUP", "MGET", "--quick --only consume --messages 8000");
	assert_non_null(strstr(test_shell_said,
			       "redis-server: unexpected reply to XREADGROUP: expected an array, got nil\n"));
	assert_null(strstr(test_shell_said, "was killed by signal"));
}

static void help_fits_a_terminal_of_80_columns(void **state)
{
	(void)state;
	assert_int_equal(segbench("--help"), EX_OK);
	for (char *line = strtok(test_shell_said, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(strlen(line), 0, 80);
}

static void help_names_each_experiment(void **state)
{
	static const char *const names[] = {"consume",     "produce",      "latency",    "pauses", "packing",
					    "allocations", "idle",         "coordinate", "tls",    "cluster",
					    "wait",        "ack-replicas", "peers"};
	(void)state;
	assert_int_equal(segbench("--help"), EX_OK);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(strstr(test_shell_said, names[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_comparison_ends_with_a_ratio_for_each_goal_it_measured),
		cmocka_unit_test(other_numbers_of_partitions_and_short_backlogs_have_goals_of_their_own),
		cmocka_unit_test(handlers_that_write_keep_and_work_at_once_are_measured),
		cmocka_unit_test(its_json_holds_every_way_that_was_measured),
		cmocka_unit_test(its_plot_is_a_picture_of_each_way),
		cmocka_unit_test(it_works_through_tcp),
		cmocka_unit_test(a_distance_is_reported_relative_to_0_ms),
		cmocka_unit_test(each_message_takes_the_round_trip_time_that_is_asked_for),
		cmocka_unit_test(packed_records_arrive_and_have_rates_and_a_size),
		cmocka_unit_test(as_many_runners_as_are_asked_for_share_the_messages),
		cmocka_unit_test(tls_is_reported_relative_to_plain_tcp_and_to_the_bare_loop),
		cmocka_unit_test(clusters_of_up_to_three_masters_are_reported_relative_to_one_server),
		cmocka_unit_test(ack_replicas_has_rates_and_the_latency_of_a_single_send),
		cmocka_unit_test(the_doorbell_is_reported_relative_to_a_blocking_read),
		cmocka_unit_test(many_segrunners_have_figures_of_their_start_and_of_what_they_cost_then),
		cmocka_unit_test(peers_move_the_same_messages),
		cmocka_unit_test(a_peer_that_is_not_installed_is_named_with_its_package),
		cmocka_unit_test(a_crowd_of_simulated_members_has_figures_of_its_calls),
		cmocka_unit_test(nothing_is_allocated_for_a_message),
		cmocka_unit_test(messages_too_few_to_count_allocations_have_no_figure),
		cmocka_unit_test(what_it_does_not_know_is_refused_with_the_way_to_mend_it),
		cmocka_unit_test(a_server_that_cannot_run_is_named),
		cmocka_unit_test(a_file_that_cannot_be_written_is_known_before_anything_is_measured),
		cmocka_unit_test(a_reply_of_another_type_ends_it_with_the_command_and_the_type),
		cmocka_unit_test(help_names_each_experiment),
		cmocka_unit_test(help_fits_a_terminal_of_80_columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
