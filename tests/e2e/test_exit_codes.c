/*
 * test_exit_codes.c - why segrunner refuses to run: each reason has its exit code of sysexits(3) and one line
 * that explains it.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/http.h"
#include "harness/rig.h"
#include "harness/segctl.h"

/* A configuration with a valid consumer; the tests vary `redis`, `plugin` and `more`. */
static void write_config(const char *redis, const char *plugin, const char *more)
{
	test_runner_free(rig.runner);
	rig.runner = test_runner_make(
		"[redis]\n%s\n[runner]\nshutdown_timeout = 2s\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/%s\n%s\n",
		redis, test_build_directory(), plugin, more);
}

static int run(const char *a, const char *b)
{
	if (!rig.runner)
		rig.runner = test_runner_make("# empty");
	test_runner_start(rig.runner, (const char *const[]){a, b, NULL});
	return test_runner_wait(rig.runner);
}

static void assert_says(const char *text)
{
	test_runner_says(rig.runner, text);
}

/* --- the command line ------------------------------------------------------------------------- */

static void a_wrong_command_line_is_64_with_the_usage(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, NULL), EX_USAGE);
	assert_says("Usage: segrunner -c FILE");
	assert_int_equal(run("my.ini", NULL), EX_USAGE);
	assert_says("to run a configuration, write segrunner -c FILE");
}

static void a_mistyped_option_or_command_is_64_with_what_was_meant(void **state)
{
	(void)state;
	assert_int_equal(run("--chekc", "x"), EX_USAGE);
	assert_says("there is no option --chekc; did you mean \"--check\"?\n");
	assert_int_equal(run("-x", NULL), EX_USAGE);
	assert_says("there is no option -x; segrunner --help lists the options\n");
	assert_int_equal(run("--show", NULL), EX_USAGE);
	assert_says("--show needs a file: segrunner --show FILE\n");
	assert_int_equal(run("--check", ""), EX_USAGE);
	assert_says("the name of the configuration file is empty; write its path\n");
	assert_int_equal(run("--version=1", NULL), EX_USAGE);
	assert_says("--version takes no value\n");
	assert_int_equal(run("new-plugn", "x"), EX_USAGE);
	assert_says("did you mean \"new-plugin\"?\n");
}

static void help_fits_into_80_columns(void **state)
{
	(void)state;
	char line[512];
	assert_int_equal(run("--help", NULL), EX_OK);
	FILE *said = fopen(rig.runner->output, "r");
	assert_non_null(said);
	while (fgets(line, sizeof(line), said))
		if (strcspn(line, "\n") > 80)
			fail_msg("longer than 80 columns: %s", line);
	fclose(said);
}

static void help_and_version_are_0(void **state)
{
	(void)state;
	assert_int_equal(run("--help", NULL), EX_OK);
	assert_says("session_timeout");
	assert_int_equal(run("--version", NULL), EX_OK);
	assert_says("segrunner ");
}

static void a_file_that_is_not_there_is_66(void **state)
{
	(void)state;
	assert_int_equal(run("-c", "/does/not/exist.ini"), EX_NOINPUT);
	assert_says("/does/not/exist.ini");
}

/* --- configuration and plugins -------------------------------------------------------------------- */

static void a_wrong_option_is_78_with_its_line_and_the_right_name(void **state)
{
	(void)state;
	write_config("address = unix:///none", "tests/plugins/record.so", "batch_sise = 5\noption.path = x");
	assert_int_equal(run("--check", "CONFIG"), EX_CONFIG);
	assert_says(":9: ");
	assert_says("batch_size");
	assert_int_equal(run("-c", "CONFIG"), EX_CONFIG);
}

static void a_good_file_is_0_when_checked_and_runs_nothing(void **state)
{
	(void)state;
	write_config("address = unix:///none", "tests/plugins/record.so", "option.path = x");
	assert_int_equal(run("--check", "CONFIG"), EX_OK);
	assert_says("good");
}

static void a_log_that_cannot_be_written_is_78_when_checked_and_73_when_run(void **state)
{
	(void)state;
	rig.runner =
		test_runner_make("[redis]\naddress = unix:///none\n[runner]\nlog_file = /does/not/exist.log\n"
				 "[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
				 "option.path = x\n",
				 test_build_directory());
	assert_int_equal(run("--check", "CONFIG"), EX_CONFIG);
	assert_says(":3: cannot write the log to /does/not/exist.log: No such file or directory; correct "
		    "log_file, or the permissions of its directory\n");
	assert_int_equal(run("-c", "CONFIG"), EX_CANTCREAT);
	assert_says("cannot write the log to /does/not/exist.log: No such file or directory");
}

static void a_plugin_that_does_not_fit_is_78_with_the_reason(void **state)
{
	(void)state;
	write_config("address = unix:///none", "tests/plugins/wrong_abi.so", "");
	assert_int_equal(run("--check", "CONFIG"), EX_CONFIG);
	assert_says("ABI");
	write_config("address = unix:///none", "tests/plugins/no_symbol.so", "");
	assert_int_equal(run("-c", "CONFIG"), EX_CONFIG);
	assert_says("SEG_HANDLER_EXPORT");
	write_config("address = unix:///none", "tests/plugins/not_there.so", "");
	assert_int_equal(run("--check", "CONFIG"), EX_CONFIG);
	assert_says("not_there.so");
}

static void an_unknown_option_of_the_plugin_is_78(void **state)
{
	(void)state;
	write_config("address = unix:///none", "tests/plugins/record.so", "option.paht = x");
	assert_int_equal(run("--check", "CONFIG"), EX_CONFIG);
	assert_says("path");
}

static void mistakes_of_the_runner_and_those_that_only_a_plugin_knows_are_said_in_one_pass(void **state)
{
	(void)state;
	static const char *const only_init_knew[][2] = {
		{"plugins/http.so", "option.url = ftp://x"},
		{"plugins/exec.so", "option.framing = words\noption.command = x"},
		{"plugins/log.so", "option.format = xml"},
		{"plugins/lua.so", "option.script = /does/not/exist.lua"},
		{"plugins/file.so", "option.encoding = rot13\noption.directory = x"},
		{"plugins/file.so", "option.directory = not/there"},
		{"plugins/file.so", "option.directory = /dev/null"},
		{"plugins/route.so", "option.by = place\noption.rules = a = b"},
	};
	for (size_t i = 0; i < sizeof(only_init_knew) / sizeof(only_init_knew[0]); i++) {
		char refused[120];
		write_config("address = unix:///none", only_init_knew[i][0], only_init_knew[i][1]);
		assert_int_equal(run("--check", "CONFIG"), EX_CONFIG);
		snprintf(refused, sizeof(refused), "test.ini:9: [consumer c] the plugin ");
		assert_says(refused);
	}
	write_config("address = unix:///none", "plugins/http.so", "option.url = ftp://x\ntick = never");
	assert_int_equal(run("--check", "CONFIG"), EX_CONFIG);
	assert_says("test.ini:9: [consumer c] the plugin http refuses: option.url must start with http");
	assert_says("test.ini:10: tick");
}

static void a_plugin_that_cannot_be_parallel_is_78_at_the_line_that_wants_it(void **state)
{
	(void)state;
	write_config("address = 127.0.0.1:1", "tests/plugins/ticks.so", "parallel = 2");
	assert_int_equal(run("--check", "CONFIG"), EX_CONFIG);
	assert_says(
		"test.ini:9: [consumer c] parallel = 2, but the plugin ticks cannot handle messages of one partition at once; "
		"set parallel = 1, or use a plugin with SEG_HANDLER_PARALLEL");
}

/* --check looks at all of a configuration, also where something that it requires is missing. */
static void a_configuration_that_lacks_anything_is_checked_to_the_end(void **state)
{
	(void)state;
	static const char *const lines[] = {"address = embedded", "directory = redis", "stream = s",
					    "group = g", "plugin = log"};
	for (size_t left_out = 1; left_out < sizeof(lines) / sizeof(lines[0]); left_out++) {
		const char *l[5];
		for (size_t i = 0; i < 5; i++)
			l[i] = i == left_out ? "" : lines[i];
		test_runner_free(rig.runner);
		rig.runner = test_runner_make(
			"[redis]\n%s\n%s\n[runner]\nplugin_directory = %s/plugins\n[consumer c]\n%s\n%s\n%s\n"
			"option.format = xml\n",
			l[0], l[1], test_build_directory(), l[2], l[3], l[4]);
		assert_int_equal(run("--check", "CONFIG"), EX_CONFIG);
		assert_says("; add ");
	}
}

/* --- Redis ------------------------------------------------------------------------------------------ */

static void with_server(const char *arguments, const char *plugin, const char *more, int expected,
			const char *text)
{
	char redis[160];
	test_server *server = test_server_start(arguments);
	snprintf(redis, sizeof(redis), "address = %s", server->address);
	write_config(redis, plugin, more);
	int code = run("-c", "CONFIG");
	test_server_stop(server);
	assert_int_equal(code, expected);
	assert_says(text);
}

static void a_stream_that_was_never_registered_is_78_with_the_way_out(void **state)
{
	(void)state;
	with_server(NULL, "tests/plugins/record.so", "option.path = x", EX_CONFIG,
		    "set partitions here, and the runner registers the stream");
}

static void a_missing_password_is_77(void **state)
{
	(void)state;
	with_server("--requirepass secret", "tests/plugins/record.so", "option.path = x", EX_NOPERM,
		    "requires a password");
}

static void an_evicting_redis_is_69(void **state)
{
	(void)state;
	with_server("--maxmemory 100mb --maxmemory-policy allkeys-lru", "tests/plugins/record.so",
		    "option.path = x", EX_UNAVAILABLE, "noeviction");
}

static void a_replica_is_69(void **state)
{
	(void)state;
	with_server("--replicaof 127.0.0.1 1", "tests/plugins/record.so", "option.path = x", EX_UNAVAILABLE,
		    "replica");
}

static void a_plugin_whose_init_fails_is_69(void **state)
{
	(void)state;
	with_server(NULL, "tests/plugins/failing_init.so", "partitions = 1", EX_UNAVAILABLE, "failing_init");
}

/* Answers every client as a web server would. */
static void *answer_as_http(void *arg)
{
	int listener = *(int *)arg;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		ssize_t n = write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
		(void)n;
		close(fd);
	}
}

static void a_server_that_is_no_redis_is_69(void **state)
{
	(void)state;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	char redis[64];
	pthread_t thread;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(listen(listener, 8), 0);
	pthread_create(&thread, NULL, answer_as_http, &listener);
	snprintf(redis, sizeof(redis), "address = redis://127.0.0.1:%d", ntohs(address.sin_port));
	write_config(redis, "tests/plugins/record.so", "option.path = x");
	int code = run("-c", "CONFIG");
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	assert_int_equal(code, EX_UNAVAILABLE);
	assert_says("does not speak the Redis protocol");
}

static void while_redis_is_away_it_waits_and_says_so_and_sigterm_ends_it_with_0(void **state)
{
	(void)state;
	write_config("address = unix:///does/not/exist.sock", "tests/plugins/record.so", "option.path = x");
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	assert_says("waiting for Redis");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* "redis://password" for "redis://:password@host"; as a number it is the address 127.0.0.1, where nothing listens. */
static void a_password_in_the_place_of_the_host_is_nowhere_repeated(void **state)
{
	(void)state;
	static const char secret[] = "2130706433";
	static const char *const paths[] = {"/", "/readyz", "/metrics", "/api/v1/status", "/api/v1/events"};
	static const char *const commands[] = {"lag", "doctor", "stream list", "why s g 0"};
	write_config("address = redis://2130706433:1\n[runner]\nadmin = 127.0.0.1:0",
		     "tests/plugins/record.so", "option.path = x");
	assert_int_equal(run("--show", "CONFIG"), EX_OK);
	assert_says("address = redis://21***");
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	assert_says("cannot connect to redis://21***: Connection refused; waiting for Redis");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		test_http_answer answer = test_http_get(test_http_port(rig.runner), paths[i]);
		if (strstr(answer.body, secret))
			fail_msg("%s has the password: %s", paths[i], answer.body);
		test_http_free(&answer);
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const test_segctl *answer =
			test_segctl_do("redis://2130706433:1", "%s --timeout 200ms", commands[i]);
		assert_int_not_equal(answer->exit_code, 0);
		if (strstr(answer->output, secret) || strstr(answer->errors, secret))
			fail_msg("segctl %s: %s%s", commands[i], answer->output, answer->errors);
	}
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	assert_false(test_runner_has_said(rig.runner, secret));
}

#define TEST(name) cmocka_unit_test_teardown(name, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_wrong_command_line_is_64_with_the_usage),
		TEST(a_mistyped_option_or_command_is_64_with_what_was_meant),
		TEST(help_fits_into_80_columns),
		TEST(help_and_version_are_0),
		TEST(a_file_that_is_not_there_is_66),
		TEST(a_wrong_option_is_78_with_its_line_and_the_right_name),
		TEST(a_good_file_is_0_when_checked_and_runs_nothing),
		TEST(a_log_that_cannot_be_written_is_78_when_checked_and_73_when_run),
		TEST(a_plugin_that_does_not_fit_is_78_with_the_reason),
		TEST(an_unknown_option_of_the_plugin_is_78),
		TEST(mistakes_of_the_runner_and_those_that_only_a_plugin_knows_are_said_in_one_pass),
		TEST(a_plugin_that_cannot_be_parallel_is_78_at_the_line_that_wants_it),
		TEST(a_configuration_that_lacks_anything_is_checked_to_the_end),
		TEST(a_stream_that_was_never_registered_is_78_with_the_way_out),
		TEST(a_missing_password_is_77),
		TEST(an_evicting_redis_is_69),
		TEST(a_replica_is_69),
		TEST(a_plugin_whose_init_fails_is_69),
		TEST(a_server_that_is_no_redis_is_69),
		TEST(a_password_in_the_place_of_the_host_is_nowhere_repeated),
		TEST(while_redis_is_away_it_waits_and_says_so_and_sigterm_ends_it_with_0),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
