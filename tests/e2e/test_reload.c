/*
 * test_reload.c - SIGHUP under load: what a new configuration or a new build of a plugin changes, and that a
 * broken one changes nothing.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/http.h"
#include "harness/load.h"
#include "harness/rig.h"

enum { PARTITIONS = 4, KEYS = 8, PER_SECOND = 300, PATIENCE_MS = 20000, MARK = 1000 };

static char plugin_path[96];

/* --- files ---------------------------------------------------------------------------------- */

/* Copies that build over the plugin: in place, as cp does, or by a rename, as install does. */
static void put_plugin(const char *name, bool in_place)
{
	char command[512];
	snprintf(command, sizeof(command),
		 in_place ? "cat %s/tests/plugins/%s.so >%s"
			  : "cp %s/tests/plugins/%s.so %s.new && mv %s.new %s",
		 test_build_directory(), name, plugin_path, plugin_path, plugin_path);
	assert_int_equal(system(command), 0);
	assert_int_equal(chmod(plugin_path, 0755), 0);
}

/* `runner_options` and `consumer` go into their sections, `more` follows them. */
static void write_config(const char *runner_options, const char *consumer, const char *more)
{
	FILE *file = fopen(rig.runner->config, "w");
	assert_non_null(file);
	fprintf(file,
		"[redis]\naddress = %s\n[runner]\nname = mine\n%s\n[consumer c]\nstream = s\ngroup = g\n"
		"partitions = %d\nplugin = %s\noption.path = %s\n%s\n%s\n",
		rig.server->address, runner_options, PARTITIONS, plugin_path, rig.deliveries, consumer, more);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	test_rig_set_up(state);
	snprintf(plugin_path, sizeof(plugin_path), "%s/plugin.so", rig.directory);
	put_plugin("record", false);
	rig.runner = test_runner_make("# written below\n");
	return 0;
}

static void run(void)
{
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
}

/* --- output and behaviour ---------------------------------------------------------------------- */

static int times_said(const char *text)
{
	return test_runner_times_said(rig.runner, text);
}

/* Sends SIGHUP, and waits until the runner has logged the text once more. */
static void reload(const char *text)
{
	int before = times_said(text);
	kill(rig.runner->pid, SIGHUP);
	test_runner_says_times(rig.runner, text, before + 1);
}

static void read_epochs(uint64_t epochs[PARTITIONS])
{
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	assert_non_null(info);
	for (uint32_t i = 0; i < PARTITIONS; i++)
		epochs[i] = info->partitions[i].epoch;
	seg_group_info_free(info);
}

static bool is_claimed_again(const char *owner, const seg_group_info *before)
{
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	assert_non_null(info);
	bool all = true;
	for (uint32_t i = 0; i < PARTITIONS; i++)
		if (strcmp(before->partitions[i].owner, owner) == 0)
			all = all && info->partitions[i].epoch != before->partitions[i].epoch;
	seg_group_info_free(info);
	return all;
}

/* Waits until each partition that the owner had before has a new epoch. */
static void wait_until_claimed_again(const char *owner, const seg_group_info *before)
{
	long long deadline = test_now_ms() + PATIENCE_MS;
	while (!is_claimed_again(owner, before)) {
		assert_true(test_now_ms() < deadline);
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
}

static test_load *start_load(void)
{
	return test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
}

/*
 * Waits until everything is handled: each message exactly once, in order. Returns how many messages each key
 * got.
 */
static int each_exactly_once(test_load *load, test_deliveries *deliveries)
{
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	*deliveries = test_deliveries_read(rig.deliveries);
	assert_int_equal(test_deliveries_check(deliveries, KEYS, numbers, 0), 0);
	assert_int_equal(deliveries->count, (size_t)numbers * KEYS);
	return numbers;
}

static bool is_marked(const test_delivery *delivery)
{
	return delivery->attempt > MARK;
}

/* --- a new build -------------------------------------------------------------------------------- */

static void swap_under_load(bool in_place)
{
	test_deliveries deliveries;
	write_config("", "batch_size = 16", "");
	run();
	test_load *load = start_load();
	for (int round = 0; round < 6; round++) {
		test_deliveries_go_on(rig.deliveries, PARTITIONS);
		put_plugin(round % 2 ? "record" : "record_2", in_place);
		reload("reloaded: 1 consumer started, 1 ended, 0 untouched");
	}
	test_deliveries_go_on(rig.deliveries, PARTITIONS);
	put_plugin("record_2", in_place);
	reload("reloaded: 1 consumer started, 1 ended, 0 untouched");
	test_deliveries_go_on(rig.deliveries, PARTITIONS);
	each_exactly_once(load, &deliveries);
	/* The builds took turns, and the last build was the last to handle. */
	int changes = 0;
	for (size_t i = 1; i < deliveries.count; i++)
		changes += is_marked(&deliveries.list[i]) != is_marked(&deliveries.list[i - 1]);
	assert_int_equal(changes, 7);
	assert_true(is_marked(&deliveries.list[deliveries.count - 1]));
	test_deliveries_free(&deliveries);
}

static void a_new_build_takes_over_under_load_and_no_message_is_lost_or_repeated(void **state)
{
	(void)state;
	swap_under_load(false);
}

static void a_build_that_was_written_over_the_old_one_takes_over_too(void **state)
{
	(void)state;
	swap_under_load(true);
}

static void a_plugin_overwritten_with_rubbish_still_works_as_it_was_loaded(void **state)
{
	(void)state;
	test_deliveries deliveries;
	uint64_t before[PARTITIONS], after[PARTITIONS];
	write_config("", "", "");
	run();
	test_load *load = start_load();
	test_load_go_on(load, 40);
	read_epochs(before);
	FILE *file = fopen(plugin_path, "r+");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), 0), 0);
	for (int i = 0; i < 20000; i++)
		fputs("rubbish ", file);
	fclose(file);
	test_load_go_on(load, 40);
	reload("SIGHUP: nothing has changed");
	assert_int_equal(times_said("is not a shared object"), 1);
	test_load_go_on(load, 40);
	each_exactly_once(load, &deliveries);
	read_epochs(after);
	assert_memory_equal(before, after, sizeof(before));
	test_deliveries_free(&deliveries);
}

static void builds_that_cannot_be_used_change_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *name, *reason;
	} builds[] = {{"wrong_abi", "ABI"},
		      {"no_symbol", "SEG_HANDLER_EXPORT"},
		      {"constructor_aborts", "crashes while it is loaded"},
		      {"undefined_symbol", "undefined symbol"}};
	test_deliveries deliveries;
	uint64_t before[PARTITIONS], after[PARTITIONS];
	write_config("", "", "");
	run();
	test_load *load = start_load();
	read_epochs(before);
	for (size_t i = 0; i < sizeof(builds) / sizeof(builds[0]); i++) {
		put_plugin(builds[i].name, i % 2);
		reload("SIGHUP: nothing has changed");
		assert_int_equal(times_said(builds[i].reason) > 0, 1);
		test_load_go_on(load, 20);
	}
	read_epochs(after);
	assert_memory_equal(before, after, sizeof(before));
	each_exactly_once(load, &deliveries);
	test_deliveries_free(&deliveries);
}

static void a_build_whose_init_refuses_is_taken_back_and_repeats_nothing(void **state)
{
	(void)state;
	test_deliveries deliveries;
	write_config("", "", "");
	run();
	test_load *load = start_load();
	test_load_go_on(load, 20);
	/* init cannot open the plugin's file. */
	put_plugin("record_2", false);
	FILE *file = fopen(rig.runner->config, "w");
	assert_non_null(file);
	fprintf(file,
		"[redis]\naddress = %s\n[runner]\nname = mine\n[consumer c]\nstream = s\ngroup = g\npartitions = %d\n"
		"plugin = %s\noption.path = /does/not/exist/x\n",
		rig.server->address, PARTITIONS, plugin_path);
	assert_int_equal(fclose(file), 0);
	reload("SIGHUP: nothing has changed");
	assert_int_equal(times_said("cannot open /does/not/exist/x"), 1);
	test_load_go_on(load, 20);
	each_exactly_once(load, &deliveries);
	for (size_t i = 0; i < deliveries.count; i++)
		assert_false(is_marked(&deliveries.list[i]));
	test_deliveries_free(&deliveries);
}

/* --- another configuration ------------------------------------------------------------------------ */

static void a_broken_configuration_changes_nothing_and_each_mistake_is_logged(void **state)
{
	(void)state;
	test_deliveries deliveries;
	uint64_t before[PARTITIONS], after[PARTITIONS];
	write_config("", "", "");
	run();
	test_load *load = start_load();
	read_epochs(before);
	write_config("log_level = debug\nidel = park", "batch_sise = 5", "");
	reload("SIGHUP: nothing has changed");
	assert_int_equal(times_said("did you mean \"batch_size\""), 1);
	assert_int_equal(times_said("did you mean \"idle\""), 1);
	unlink(rig.runner->config);
	reload("SIGHUP: nothing has changed");
	test_load_go_on(load, 20);
	read_epochs(after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(times_said(" DEBUG "), 0);
	each_exactly_once(load, &deliveries);
	test_deliveries_free(&deliveries);
}

static void consumers_that_did_not_change_are_not_touched(void **state)
{
	(void)state;
	uint64_t before[PARTITIONS], after[PARTITIONS];
	write_config("", "", "");
	run();
	/* It comes up to two seconds after the last claim, and else might come as JSON. */
	test_runner_says(rig.runner, "now has 4 of 4");
	read_epochs(before);
	write_config("log_format = json\nshutdown_timeout = 5s", "", "");
	reload("reloaded: 0 consumers started, 0 ended, 1 untouched");
	assert_int_equal(times_said("{\"time\":"), 1);
	write_config("", "", "");
	reload("reloaded: 0 consumers started, 0 ended, 1 untouched");
	assert_int_equal(
		times_said("{\"time\":"),
		2); /* the runner logged its first line of the reload before the reload changed the format */
	write_config("log_level = debug", "", "");
	reload("reloaded: 0 consumers started, 0 ended, 1 untouched");
	read_epochs(after);
	assert_memory_equal(before, after, sizeof(before));
}

static void options_of_a_section_hold_after_it_has_handed_over_to_itself(void **state)
{
	(void)state;
	test_deliveries deliveries;
	static const char *const changes[] = {"batch_size = 3",
					      "commit_interval = 20ms\nretry_backoff = 1s",
					      "batch_linger = 5ms",
					      "capacity = 10",
					      "tick = 10ms",
					      "in_flight_batches = 8\nmax_attempts = 2"};
	write_config("", "", "");
	run();
	test_load *load = start_load();
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		write_config("", changes[i], "");
		reload("reloaded: 1 consumer started, 1 ended, 0 untouched");
		test_load_go_on(load, 20);
	}
	write_config("idle = yield\nhandler_timeout = 20s", "", "");
	reload("reloaded: 1 consumer started, 1 ended, 0 untouched");
	each_exactly_once(load, &deliveries);
	test_deliveries_free(&deliveries);
}

static void a_section_without_work_hands_over_before_its_next_heartbeat(void **state)
{
	(void)state;
	static const char *const timeouts[] = {"session_timeout = 60s", "session_timeout = 59s"};
	long long best = PATIENCE_MS;
	write_config("", timeouts[0], "");
	run();
	for (int i = 1; i <= 3; i++) {
		test_runner_says_times(rig.runner, "now has 4 of 4", i);
		write_config("", timeouts[i % 2], "");
		long long start = test_now_ms();
		reload("reloaded: 1 consumer started, 1 ended, 0 untouched");
		long long took = test_now_ms() - start;
		best = took < best ? took : best;
	}
	assert_true(best < 3000);
}

static void a_reload_moves_no_partition_and_pauses_none_of_another_runner(void **state)
{
	(void)state;
	test_deliveries deliveries;
	write_config("", "", "");
	run();
	test_runner *other = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = other\n[consumer c]\nstream = s\ngroup = g\nplugin = %s\n"
		"option.path = %s\n",
		rig.server->address, plugin_path, rig.deliveries);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	/* Where the claims took long, each has a line. */
	test_runner_says(other, "now has 2 of 4");
	int told = test_runner_times_said(other, "now has");
	seg_group_info *before = test_group_describe(rig.server->address, "s", "g");
	test_load *load = start_load();
	write_config("", "batch_size = 3\ncapacity = 101", "");
	reload("reloaded: 1 consumer started, 1 ended, 0 untouched");
	wait_until_claimed_again("mine", before);
	seg_group_info *after = test_group_describe(rig.server->address, "s", "g");
	for (int p = 0; p < PARTITIONS; p++) {
		bool is_mine = strcmp(before->partitions[p].owner, "mine") == 0;
		assert_string_equal(after->partitions[p].owner, before->partitions[p].owner);
		assert_string_equal(after->partitions[p].target, before->partitions[p].target);
		assert_int_equal(after->partitions[p].epoch != before->partitions[p].epoch, is_mine);
	}
	seg_group_info_free(before);
	seg_group_info_free(after);
	assert_int_equal(test_runner_times_said(other, "now has"), told);
	each_exactly_once(load, &deliveries);
	test_deliveries_free(&deliveries);
	assert_int_equal(test_runner_stop(other, SIGTERM), EX_OK);
	test_runner_free(other);
}

static void write_script(const char *text)
{
	FILE *file = fopen(rig.deliveries, "w");
	assert_non_null(file);
	fprintf(file, "%s\n", text);
	assert_int_equal(fclose(file), 0);
}

static void a_script_that_has_changed_is_read_again(void **state)
{
	(void)state;
	FILE *file = fopen(rig.runner->config, "w");
	fprintf(file,
		"[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\npartitions = %d\n"
		"plugin = %s/plugins/lua.so\noption.script = %s\n",
		rig.server->address, PARTITIONS, test_build_directory(), rig.deliveries);
	fclose(file);
	write_script("function handle(message) end");
	run();
	reload("reloaded: 0 consumers started, 0 ended, 1 untouched");
	write_script("function handle(message) end function tick() end");
	reload("reloaded: 1 consumer started, 1 ended, 0 untouched");
	write_script("function handle(message)");
	reload("SIGHUP: nothing has changed");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
}

static void options_that_need_a_restart_are_listed_and_stay_as_they_were(void **state)
{
	(void)state;
	write_config("", "", "");
	run();
	FILE *file = fopen(rig.runner->config, "w");
	assert_non_null(file);
	fprintf(file,
		"[redis]\naddress = %s\ntimeout = 7s\n[runner]\nname = other\nnamespace = elsewhere\n[consumer c]\n"
		"stream = s\ngroup = g\npartitions = %d\nplugin = %s\noption.path = %s\n",
		rig.server->address, PARTITIONS, plugin_path, rig.deliveries);
	assert_int_equal(fclose(file), 0);
	reload("restart segrunner to apply: [redis] timeout, [runner] namespace, [runner] name");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
}

static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	return ntohs(address.sin_port);
}

/* True a moment after Redis knows the partitions' owner. */
static bool other_is_measured(void *arg)
{
	const int *port = arg;
	test_http_answer answer = test_http_get(*port, "/metrics");
	test_metrics_check(answer.body);
	bool all = test_metrics_value(answer.body,
				      "segmenter_partitions_owned{stream=\"s\",group=\"other\"}") == 4;
	test_http_free(&answer);
	return all;
}

static void sections_come_and_go_and_the_admin_server_knows_them(void **state)
{
	(void)state;
	char other[600], admin[64];
	int port = free_port();
	test_deliveries deliveries;
	test_http_answer answer;
	uint64_t before[PARTITIONS], after[PARTITIONS];
	snprintf(
		other, sizeof(other),
		"[consumer d]\nstream = s\ngroup = other\npartitions = %d\nplugin = %s\noption.path = %s.d\n",
		PARTITIONS, plugin_path, rig.deliveries);
	snprintf(admin, sizeof(admin), "admin = 127.0.0.1:%d", port);
	write_config(admin, "", "");
	run();
	test_load *load = start_load();
	read_epochs(before);
	write_config(admin, "", other);
	reload("reloaded: 1 consumer started, 0 ended, 1 untouched");
	test_group_wait_balanced(rig.server->address, "s", "other", 1);
	test_wait_until(other_is_measured, &port, PATIENCE_MS, "the metrics show the new section");
	answer = test_http_get(port, "/readyz");
	assert_int_equal(answer.status, 200);
	test_http_free(&answer);
	test_load_go_on(load, 30);
	write_config(admin, "", "");
	reload("reloaded: 0 consumers started, 1 ended, 1 untouched");
	seg_group_info *info = test_group_describe(rig.server->address, "s", "other");
	assert_int_equal(info->members, 0);
	seg_group_info_free(info);
	read_epochs(after);
	assert_memory_equal(before, after, sizeof(before));
	each_exactly_once(load, &deliveries);
	test_deliveries_free(&deliveries);
}

/* --- at a bad time --------------------------------------------------------------------------------- */

static void while_redis_is_away_nothing_is_exchanged(void **state)
{
	(void)state;
	test_deliveries deliveries;
	write_config("", "session_timeout = 500ms", "");
	run();
	test_server_kill(rig.server);
	test_runner_says(rig.runner, "connect");
	put_plugin("record_2", false);
	struct timespec pause = {.tv_nsec = 20000000};
	long long deadline = test_now_ms() + PATIENCE_MS;
	do {
		assert_true(test_now_ms() < deadline);
		nanosleep(&pause, NULL);
		reload("SIGHUP: ");
	} while (times_said("Redis does not answer, so no partition can be handed over") == 0 &&
		 times_said("reloaded:") == 0);
	assert_int_equal(times_said("reloaded:"), 0);
	test_server_restart(rig.server);
	deadline = test_now_ms() + PATIENCE_MS;
	test_load *load = start_load();
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	/* On a busy machine the lease may end again. */
	while (times_said("reloaded: 1 consumer started, 1 ended, 0 untouched") == 0) {
		assert_true(test_now_ms() < deadline);
		reload("SIGHUP: reading");
		nanosleep(&pause, NULL);
	}
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_load_go_on(load, 20);
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	deliveries = test_deliveries_read(rig.deliveries);
	test_deliveries_check(&deliveries, KEYS, numbers, 0);
	test_deliveries_free(&deliveries);
}

static void a_runner_that_stands_by_comes_back_with_what_was_reloaded(void **state)
{
	(void)state;
	test_deliveries deliveries;
	write_config("", "", "");
	run();
	kill(rig.runner->pid, SIGUSR1);
	test_runner_says(rig.runner, "standing by without partitions");
	put_plugin("record_2", false);
	reload("reloaded: 1 consumer started, 1 ended, 0 untouched");
	test_load *load = start_load();
	kill(rig.runner->pid, SIGUSR1);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_load_go_on(load, 20);
	each_exactly_once(load, &deliveries);
	for (size_t i = 0; i < deliveries.count; i++)
		assert_true(is_marked(&deliveries.list[i]));
	test_deliveries_free(&deliveries);
}

static void a_stop_while_it_reloads_is_clean(void **state)
{
	(void)state;
	test_deliveries deliveries;
	char block_path[96];
	snprintf(block_path, sizeof(block_path), "%s/block", rig.directory);
	char option[160];
	snprintf(option, sizeof(option), "option.block_file = %s", block_path);
	write_config("", option, "");
	run();
	test_load *load = start_load();
	fclose(fopen(block_path, "w"));
	test_load_go_on(load, 20);
	put_plugin("record_2", false);
	reload("reading");
	kill(rig.runner->pid, SIGTERM);
	test_runner_says(rig.runner, "SIGTERM: stopping cleanly");
	unlink(block_path);
	assert_int_equal(test_runner_wait(rig.runner), EX_OK);
	run();
	each_exactly_once(load, &deliveries);
	test_deliveries_free(&deliveries);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_new_build_takes_over_under_load_and_no_message_is_lost_or_repeated),
		TEST(a_build_that_was_written_over_the_old_one_takes_over_too),
		TEST(a_plugin_overwritten_with_rubbish_still_works_as_it_was_loaded),
		TEST(builds_that_cannot_be_used_change_nothing),
		TEST(a_build_whose_init_refuses_is_taken_back_and_repeats_nothing),
		TEST(a_broken_configuration_changes_nothing_and_each_mistake_is_logged),
		TEST(consumers_that_did_not_change_are_not_touched),
		TEST(a_section_without_work_hands_over_before_its_next_heartbeat),
		TEST(a_reload_moves_no_partition_and_pauses_none_of_another_runner),
		TEST(a_script_that_has_changed_is_read_again),
		TEST(options_of_a_section_hold_after_it_has_handed_over_to_itself),
		TEST(options_that_need_a_restart_are_listed_and_stay_as_they_were),
		TEST(sections_come_and_go_and_the_admin_server_knows_them),
		TEST(while_redis_is_away_nothing_is_exchanged),
		TEST(a_runner_that_stands_by_comes_back_with_what_was_reloaded),
		TEST(a_stop_while_it_reloads_is_clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
