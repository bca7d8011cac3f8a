/*
 * test_notify.c - the messages of a segrunner to systemd; a socket of the test stands in for systemd.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/fake_embedded.h"
#include "harness/group.h"
#include "harness/load.h"
#include "harness/rig.h"
#include "host/notify.h"

enum { PATIENCE_MS = 20000, WATCHDOG_MS = 400, MESSAGE_MAX = 1024 };

static char socket_path[96];
static int supervisor = -1;

static int set_up(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char watchdog[32];
	test_rig_set_up(state);
	snprintf(socket_path, sizeof(socket_path), "%s/notify", rig.directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(supervisor, (const struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(watchdog, sizeof(watchdog), "%d", WATCHDOG_MS * 1000);
	setenv("NOTIFY_SOCKET", socket_path, 1);
	setenv("WATCHDOG_USEC", watchdog, 1);
	unsetenv("WATCHDOG_PID");
	return 0;
}

static int tear_down(void **state)
{
	close(supervisor);
	return test_rig_tear_down(state);
}

static void run_with(const char *handler_timeout, const char *more)
{
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nhandler_timeout = %s\nshutdown_timeout = 3s\n"
		"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\npartitions = 4\n"
		"option.path = %s\noption.block_file = %s\n%s\n",
		rig.server->address, handler_timeout, test_build_directory(), rig.deliveries, rig.block,
		more);
}

static void run(const char *more)
{
	run_with("500ms", more);
}

/* The next message within this many ms; false: none came. */
static bool hear(char message[MESSAGE_MAX], long long timeout_ms)
{
	struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	setsockopt(supervisor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	ssize_t length = timeout_ms > 0 ? recv(supervisor, message, MESSAGE_MAX - 1, 0) : -1;
	message[length > 0 ? length : 0] = '\0';
	return length > 0;
}

/* Waits for a message with this text; `unwanted`, if not NULL, must not come earlier. */
static void expect(const char *text, const char *unwanted)
{
	char message[MESSAGE_MAX];
	long long deadline = test_now_ms() + PATIENCE_MS;
	while (hear(message, deadline - test_now_ms())) {
		if (strstr(message, text))
			return;
		if (unwanted && strstr(message, unwanted))
			fail_msg("\"%s\" came before \"%s\"", message, text);
	}
	fail_msg("\"%s\" did not come", text);
}

/* Whether no message with this text comes for so long. */
static bool is_silent(const char *text, int ms)
{
	char message[MESSAGE_MAX];
	long long end = test_now_ms() + ms;
	while (hear(message, end - test_now_ms()))
		if (strstr(message, text))
			return false;
	return true;
}

static void it_is_ready_only_once_each_section_has_joined(void **state)
{
	(void)state;
	test_server_kill(rig.server);
	run("");
	expect("STATUS=waiting for Redis", "READY=1");
	test_server_restart(rig.server);
	/* systemd may end a start that waits for Redis, so that the boot goes on. */
	expect("READY=1", "EXTEND_TIMEOUT_USEC");
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	assert_non_null(info);
	assert_int_equal(info->members, 1);
	seg_group_info_free(info);
}

static void an_embedded_redis_that_loads_its_data_has_all_the_time_it_needs(void **state)
{
	(void)state;
	char data[96];
	snprintf(data, sizeof(data), "%s/data", rig.directory);
	assert_int_equal(mkdir(data, 0700), 0);
	test_fake_embedded *loading =
		test_fake_embedded_start(data, "-LOADING Redis is loading the dataset in memory\r\n");
	rig.runner = test_runner_run(
		"[redis]\naddress = embedded\ndirectory = %s\n[runner]\nshutdown_timeout = 3s\n"
		"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
		"partitions = 4\noption.path = %s\n",
		data, test_build_directory(), rig.deliveries);
	expect("STATUS=starting the embedded Redis", "READY=1");
	expect("EXTEND_TIMEOUT_USEC=60000000", "READY=1");
	test_runner_free(rig.runner);
	rig.runner = NULL;
	test_fake_embedded_stop(loading);
}

static void the_status_line_says_how_many_partitions_it_owns(void **state)
{
	(void)state;
	run("");
	expect("READY=1", NULL);
	expect("STATUS=4 partitions owned", NULL);
}

static void it_says_that_it_is_stopping_before_it_ends(void **state)
{
	(void)state;
	run("");
	expect("READY=1", "STOPPING=1");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	expect("STOPPING=1", NULL);
}

static void a_reload_ends_with_ready_also_where_it_changes_nothing(void **state)
{
	(void)state;
	run("");
	expect("READY=1", NULL);
	kill(rig.runner->pid, SIGHUP);
	expect("RELOADING=1", "READY=1");
	expect("READY=1", NULL);
	unlink(rig.runner->config);
	kill(rig.runner->pid, SIGHUP);
	expect("RELOADING=1", "READY=1");
	expect("READY=1", NULL);
}

static bool handles_something(void *arg)
{
	struct stat status;
	(void)arg;
	return stat(rig.deliveries, &status) == 0 && status.st_size > 0;
}

/* The section is exchanged once its handler has returned. */
static void a_reload_is_not_over_before_its_sections_are_exchanged(void **state)
{
	(void)state;
	fclose(fopen(rig.block, "w"));
	run_with("1min", "");
	expect("READY=1", NULL);
	test_load *load = test_load_start(rig.server->address, "s", 4, 4, 100);
	test_wait_until(handles_something, NULL, PATIENCE_MS, "a handler has a message");
	FILE *file = fopen(rig.runner->config, "a");
	assert_non_null(file);
	fprintf(file, "batch_size = 7\n");
	assert_int_equal(fclose(file), 0);
	kill(rig.runner->pid, SIGHUP);
	expect("RELOADING=1", "READY=1");
	assert_true(is_silent("READY=1", 1500));
	unlink(rig.block);
	expect("READY=1", NULL);
	test_load_end(load);
}

static void an_idle_runner_feeds_the_watchdog(void **state)
{
	(void)state;
	run("");
	expect("READY=1", NULL);
	for (int i = 0; i < 10; i++)
		expect("WATCHDOG=1", NULL);
}

static void a_handler_past_its_timeout_is_not_covered_up(void **state)
{
	(void)state;
	fclose(fopen(rig.block, "w"));
	run("");
	test_load *load = test_load_start(rig.server->address, "s", 4, 4, 100);
	test_runner_says(rig.runner, "has not returned for");
	/* Earlier messages are still in the socket; the runner's own STOPPING=1 ends them. */
	expect("STOPPING=1", NULL);
	assert_true(is_silent("WATCHDOG=1", 3 * WATCHDOG_MS));
	unlink(rig.block);
	assert_int_equal(test_runner_wait(rig.runner), EX_SOFTWARE);
	test_load_end(load);
}

static pid_t find_thread(const char *name)
{
	char path[320], comm[32];
	pid_t found = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)rig.runner->pid);
	DIR *tasks = opendir(path);
	assert_non_null(tasks);
	for (struct dirent *entry; !found && (entry = readdir(tasks));) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", (int)rig.runner->pid, entry->d_name);
		FILE *file = fopen(path, "r");
		if (file && fgets(comm, sizeof(comm), file) && strncmp(comm, name, strlen(name)) == 0)
			found = atoi(entry->d_name);
		if (file)
			fclose(file);
	}
	closedir(tasks);
	return found;
}

static void an_io_thread_that_stands_still_is_not_covered_up(void **state)
{
	(void)state;
	run("");
	expect("READY=1", NULL);
	expect("WATCHDOG=1", NULL);
	pid_t thread = find_thread("seg-io");
	assert_true(thread > 0);
	if (ptrace(PTRACE_SEIZE, thread, NULL, NULL)) {
		print_message("skipped: ptrace, which suspends a thread, is not permitted here\n");
		skip();
	}
	assert_int_equal(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL), 0);
	assert_int_equal(waitpid(thread, NULL, __WALL), thread);
	while (!is_silent("WATCHDOG=1", WATCHDOG_MS / 2)) /* two may be under way */
		;
	assert_true(is_silent("WATCHDOG=1", 3 * WATCHDOG_MS));
	assert_int_equal(ptrace(PTRACE_DETACH, thread, NULL, NULL), 0);
	expect("WATCHDOG=1", NULL);
}

static void the_units_are_hardened(void **state)
{
	(void)state;
	static const char *const units[] = {"segrunner", "segrunner@"};
	char command[512];
	if (system("systemd-analyze --version >/dev/null 2>&1") != 0) {
		print_message("skipped: systemd-analyze is not installed\n");
		skip();
	}
	for (size_t i = 0; i < 2; i++) {
		snprintf(command, sizeof(command),
			 "systemd-analyze security --no-pager --offline=true --threshold=20 "
			 "'%s/config/systemd/%s.service' >%s/analysis 2>&1",
			 test_build_directory(), units[i], rig.directory);
		assert_int_equal(system(command), 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_is_ready_only_once_each_section_has_joined),
		TEST(an_embedded_redis_that_loads_its_data_has_all_the_time_it_needs),
		TEST(the_status_line_says_how_many_partitions_it_owns),
		TEST(it_says_that_it_is_stopping_before_it_ends),
		TEST(a_reload_ends_with_ready_also_where_it_changes_nothing),
		TEST(a_reload_is_not_over_before_its_sections_are_exchanged),
		TEST(an_idle_runner_feeds_the_watchdog),
		TEST(a_handler_past_its_timeout_is_not_covered_up),
		TEST(an_io_thread_that_stands_still_is_not_covered_up),
		TEST(the_units_are_hardened),
	};
	if (!seg_notify_is_built()) {
		print_message("skipped: segrunner was built without libsystemd\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
