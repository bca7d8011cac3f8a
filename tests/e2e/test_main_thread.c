/*
 * test_main_thread.c - a runner handles signals and feeds systemd's watchdog in all its waits: for the
 * embedded Redis, for a Redis that is away or hangs, and for plugins that load slowly.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/fake_embedded.h"
#include "harness/rig.h"
#include "host/notify.h"

/* Without a signal, each wait would last 10 s or longer. */
enum { PROMPT_MS = 5000, PATIENCE_MS = 20000, WATCHDOG_MS = 400, MESSAGE_MAX = 1024 };

/* Of so many signs of life, so many may be late. */
enum { SIGNS = 20, LATE_MOST = 2 };

static test_fake_embedded *fake;
static int supervisor = -1, lock = -1;

static int set_up(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char watchdog[32];
	test_rig_set_up_directory(state);
	assert_int_equal(mkdir(test_rig_path("data"), 0700), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", test_rig_path("notify"));
	supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(supervisor, (const struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(watchdog, sizeof(watchdog), "%d", WATCHDOG_MS * 1000);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	setenv("WATCHDOG_USEC", watchdog, 1);
	unsetenv("WATCHDOG_PID");
	return 0;
}

static int tear_down(void **state)
{
	test_fake_embedded_stop(fake);
	fake = NULL;
	if (lock >= 0)
		close(lock);
	lock = -1;
	if (supervisor >= 0)
		close(supervisor);
	return test_rig_tear_down(state);
}

static void run(const char *redis)
{
	rig.runner =
		test_runner_run("[redis]\n%s\n[runner]\nshutdown_timeout = 1s\n"
				"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
				"partitions = 4\noption.path = %s/deliveries\n",
				redis, test_build_directory(), rig.directory);
}

static void run_embedded(void)
{
	char redis[160];
	snprintf(redis, sizeof(redis), "address = embedded\ndirectory = %s/data", rig.directory);
	run(redis);
}

/* Holds the lock as another segrunner does while it starts or stops the server. */
static void hold_start_lock(void)
{
	lock = open(test_rig_path("data/start.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(lock >= 0);
	assert_int_equal(flock(lock, LOCK_EX), 0);
}

/* Whether a message with this text comes within this time. */
static bool hears(const char *text, int ms)
{
	char message[MESSAGE_MAX];
	long long end = test_now_ms() + ms;
	for (long long left; (left = end - test_now_ms()) > 0;) {
		struct timeval timeout = {left / 1000, left % 1000 * 1000};
		setsockopt(supervisor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		ssize_t length = recv(supervisor, message, sizeof(message) - 1, 0);
		message[length > 0 ? length : 0] = '\0';
		if (strstr(message, text))
			return true;
	}
	return false;
}

static void expect(const char *text)
{
	if (!hears(text, PATIENCE_MS))
		fail_msg("\"%s\" did not come", text);
}

/*
 * For several watchdog timeouts, signs of life come as the watchdog demands. A busy machine delays some of them; a wait that does not
 * feed the watchdog delays all of them, or one for longer.
 */
static void feeds_the_watchdog(void)
{
	int late = 0;
	for (int i = 0; i < SIGNS; i++) {
		if (hears("WATCHDOG=1", 2 * WATCHDOG_MS))
			continue;
		if (++late > LATE_MOST || !hears("WATCHDOG=1", PROMPT_MS))
			fail_msg("the watchdog starves after %d signs of life", i);
	}
}

static void ends_promptly(int signal, int exit_code)
{
	long long start = test_now_ms();
	/* The test reads no more from this socket, and a full socket would make the runner wait. */
	close(supervisor);
	supervisor = -1;
	assert_int_equal(test_runner_stop(rig.runner, signal), exit_code);
	assert_in_range(test_now_ms() - start, 0, PROMPT_MS);
}

/* A runner that has opened the locks has begun to wait. */
static bool has_begun(void *arg)
{
	(void)arg;
	return access(test_rig_path("data/users.lock"), F_OK) == 0 && hears("WATCHDOG=1", WATCHDOG_MS);
}

/* --- starting ------------------------------------------------------------------------------------ */

static void a_signal_ends_the_wait_for_another_runner_that_starts_the_embedded_redis(void **state)
{
	(void)state;
	hold_start_lock();
	run_embedded();
	test_wait_until(has_begun, NULL, PATIENCE_MS, "the runner to wait");
	feeds_the_watchdog();
	ends_promptly(SIGTERM, EX_OK);
}

static void a_signal_ends_the_wait_for_an_embedded_redis_that_is_loading(void **state)
{
	(void)state;
	fake = test_fake_embedded_start(test_rig_path("data"),
					"-LOADING Redis is loading the dataset in memory\r\n");
	run_embedded();
	test_wait_until(has_begun, NULL, PATIENCE_MS, "the runner to wait");
	feeds_the_watchdog();
	ends_promptly(SIGINT, EX_OK);
}

static void a_signal_ends_the_wait_for_an_embedded_redis_that_is_silent(void **state)
{
	(void)state;
	fake = test_fake_embedded_start(test_rig_path("data"), NULL);
	run_embedded();
	test_wait_until(has_begun, NULL, PATIENCE_MS, "the runner to wait");
	ends_promptly(SIGTERM, EX_OK);
}

static bool is_suspended(void *arg)
{
	char name[64], text[512] = "";
	snprintf(name, sizeof(name), "/proc/%d/stat", (int)*(const pid_t *)arg);
	FILE *file = fopen(name, "r");
	assert_non_null(file);
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return strstr(text, ") T ") != NULL;
}

static void a_signal_ends_the_opening_of_a_stream_that_redis_does_not_answer(void **state)
{
	(void)state;
	test_server *server = test_server_start(NULL);
	/* The plugin's init runs after the client is opened, and before the stream is. */
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\ntimeout = 60s\n"
		"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/stops_redis.so\n"
		"partitions = 4\noption.pid = %d\n",
		server->address, test_build_directory(), (int)server->pid);
	test_wait_until(is_suspended, &server->pid, PATIENCE_MS, "the plugin to suspend redis-server");
	feeds_the_watchdog();
	ends_promptly(SIGTERM, EX_OK);
	kill(server->pid, SIGCONT);
	test_server_stop(server);
}

/* --- running ------------------------------------------------------------------------------------- */

static pid_t embedded_pid(void)
{
	int pid = 0;
	FILE *file = fopen(test_rig_path("data/redis.pid"), "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

static void the_watchdog_is_fed_and_signals_are_heard_while_the_embedded_redis_restarts(void **state)
{
	(void)state;
	run_embedded();
	test_runner_says(rig.runner, "runs as");
	expect("READY=1");
	hold_start_lock();
	assert_int_equal(kill(embedded_pid(), SIGKILL), 0);
	/* A server that never finishes loading takes its place. */
	fake = test_fake_embedded_start(test_rig_path("data"),
					"-LOADING Redis is loading the dataset in memory\r\n");
	flock(lock, LOCK_UN);
	feeds_the_watchdog();
	kill(rig.runner->pid, SIGHUP);
	expect("RELOADING=1");
	/* Redis does not accept the last commits, so the partitions cannot be drained. */
	ends_promptly(SIGTERM, EX_TEMPFAIL);
}

/* Redis dies while the main thread waits for the partitions to be given up, which needs Redis. */
static void the_embedded_redis_is_started_again_also_while_partitions_are_given_up(void **state)
{
	(void)state;
	run_embedded();
	expect("READY=1");
	assert_int_equal(kill(embedded_pid(), SIGKILL), 0);
	kill(rig.runner->pid, SIGUSR1);
	/* Of the socket, all is read: a full one would stop the runner. */
	expect("STATUS=standing by without partitions");
	test_runner_says(rig.runner, "segrunner has started it again");
	ends_promptly(SIGTERM, EX_OK);
}

/* Whether no process has the text in its command line. */
static bool nobody_runs(void *arg)
{
	bool found = false;
	DIR *processes = opendir("/proc");
	assert_non_null(processes);
	for (struct dirent *entry; !found && (entry = readdir(processes));) {
		char name[320], text[1024] = "";
		snprintf(name, sizeof(name), "/proc/%s/cmdline", entry->d_name);
		FILE *file = fopen(name, "r");
		size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
		if (file)
			fclose(file);
		found = memmem(text, length, arg, strlen(arg)) != NULL;
	}
	closedir(processes);
	return !found;
}

static void a_reload_hears_signals_while_a_plugin_does_not_come_back_from_its_constructors(void **state)
{
	(void)state;
	test_server *server = test_server_start(NULL);
	char redis[160];
	snprintf(redis, sizeof(redis), "address = %s", server->address);
	run(redis);
	expect("READY=1");
	char command[512], plugin[96];
	snprintf(plugin, sizeof(plugin), "%s/hangs.so", rig.directory);
	snprintf(command, sizeof(command), "cp %s/tests/plugins/constructor_hangs.so %s",
		 test_build_directory(), plugin);
	assert_int_equal(system(command), 0);
	FILE *file = fopen(rig.runner->config, "a");
	fprintf(file, "[consumer d]\nstream = s\ngroup = d\nplugin = %s\n", plugin);
	fclose(file);
	kill(rig.runner->pid, SIGHUP);
	expect("RELOADING=1");
	feeds_the_watchdog();
	ends_promptly(SIGTERM, EX_OK);
	test_wait_until(nobody_runs, plugin, PATIENCE_MS, "the process that probes the plugin to end");
	test_server_stop(server);
}

/* --- ending -------------------------------------------------------------------------------------- */

static void a_second_signal_ends_the_wait_for_the_end_of_the_embedded_redis(void **state)
{
	(void)state;
	run_embedded();
	expect("READY=1");
	hold_start_lock();
	kill(rig.runner->pid, SIGTERM);
	test_runner_says(rig.runner, "ended with exit code");
	feeds_the_watchdog();
	ends_promptly(SIGTERM, EX_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_signal_ends_the_wait_for_another_runner_that_starts_the_embedded_redis),
		TEST(a_signal_ends_the_wait_for_an_embedded_redis_that_is_loading),
		TEST(a_signal_ends_the_wait_for_an_embedded_redis_that_is_silent),
		TEST(a_signal_ends_the_opening_of_a_stream_that_redis_does_not_answer),
		TEST(the_watchdog_is_fed_and_signals_are_heard_while_the_embedded_redis_restarts),
		TEST(the_embedded_redis_is_started_again_also_while_partitions_are_given_up),
		TEST(a_reload_hears_signals_while_a_plugin_does_not_come_back_from_its_constructors),
		TEST(a_second_signal_ends_the_wait_for_the_end_of_the_embedded_redis),
	};
	if (!seg_notify_is_built()) {
		print_message("skipped: segrunner was built without libsystemd\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
