/*
 * test_redis_away.c - Redis crashes, hangs, loses its scripts and drops connections under load: runners wait
 * and continue.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/load.h"
#include "harness/rig.h"
#include "harness/storm.h"

enum {
	PARTITIONS = 4,
	KEYS = 8,
	PER_SECOND = 300,
	RUNNERS = 2,
	SESSION_MS = 1000,
	LONG_SESSION_MS = 10000,
	LATE_MOST = PARTITIONS * 64,
	WINDOW = 64 * 4
};

static int session_ms;

static void run(int i)
{
	rig.runners[i] = test_runner_run(
		"[redis]\naddress = %s\ntimeout = 2s\n[runner]\nname = runner-%d\n"
		"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
		"partitions = %d\nbatch_size = 64\nsession_timeout = %dms\noption.path = %s\n",
		rig.server->address, i, test_build_directory(), PARTITIONS, session_ms, rig.deliveries);
}

/* Waits until both runners share the partitions and have handled messages. */
static test_load *start_load(int session)
{
	session_ms = session;
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	for (int i = 0; i < RUNNERS; i++)
		run(i);
	test_group_wait_balanced(rig.server->address, "s", "g", RUNNERS);
	test_load_go_on(load, 50);
	return load;
}

/*
 * Checks that everything was handled in order and that both runners live; returns the number of repetitions.
 */
static size_t finish(test_load *load)
{
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	/* If a busy machine suspends a process for a whole session, the batches that it holds may be late. */
	size_t repeated = test_deliveries_check(&deliveries, KEYS, numbers,
						session_ms < LONG_SESSION_MS ? LATE_MOST : 0);
	test_deliveries_free(&deliveries);
	for (int i = 0; i < RUNNERS; i++)
		assert_int_equal(test_runner_stop(rig.runners[i], SIGTERM), EX_OK);
	return repeated;
}

static void wait_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static void a_redis_that_crashes_and_comes_back_loses_and_reorders_nothing(void **state)
{
	(void)state;
	test_rig_start("--appendonly yes --appendfsync always");
	test_load *load = start_load(SESSION_MS);
	for (int round = 0; round < 3; round++) {
		test_server_kill(rig.server);
		wait_ms(100 * round);
		test_server_restart(rig.server);
		test_group_wait_balanced(rig.server->address, "s", "g", RUNNERS);
		test_load_go_on(load, 50);
	}
	size_t repeated = finish(load);
	if (repeated > (size_t)3 * PARTITIONS * WINDOW)
		fail_msg("%zu messages were handled again", repeated);
}

static void a_redis_that_is_away_for_longer_than_a_session_is_waited_for(void **state)
{
	(void)state;
	test_rig_start("--appendonly yes --appendfsync always");
	test_load *load = start_load(SESSION_MS);
	test_server_kill(rig.server);
	wait_ms(2 * SESSION_MS);
	for (int i = 0; i < RUNNERS; i++)
		test_runner_says(rig.runners[i], "connect");
	test_server_restart(rig.server);
	test_group_wait_balanced(rig.server->address, "s", "g", RUNNERS);
	finish(load);
}

static long ticks_used(pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	long user = 0, system = 0;
	/* After the name in brackets: state, ten more fields, utime, stime. */
	const char *rest = strrchr(text, ')');
	assert_non_null(rest);
	assert_int_equal(sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
				&system),
			 2);
	return user + system;
}

static void while_redis_is_away_nothing_spins(void **state)
{
	(void)state;
	test_rig_start("--appendonly yes --appendfsync always");
	test_load *load = start_load(SESSION_MS);
	test_server_kill(rig.server);
	test_runner_says(rig.runners[0], "connect");
	long before = ticks_used(rig.runners[0]->pid);
	wait_ms(2 * SESSION_MS);
	long used = ticks_used(rig.runners[0]->pid) - before;
	/* A busy loop with a processor to itself would take some 200 ticks of 10 ms. */
	if (used > 30)
		fail_msg("%ld ticks of processor time while Redis was away", used);
	test_server_restart(rig.server);
	finish(load);
}

static void a_redis_that_hangs_for_longer_than_a_session_is_waited_for(void **state)
{
	(void)state;
	test_rig_start(NULL);
	test_load *load = start_load(SESSION_MS);
	kill(rig.server->pid, SIGSTOP);
	wait_ms(2 * SESSION_MS);
	kill(rig.server->pid, SIGCONT);
	test_group_wait_balanced(rig.server->address, "s", "g", RUNNERS);
	finish(load);
}

/* --- ticks ------------------------------------------------------------------------------------------- */

/* The plugin `ticks` appends one byte at each tick. */
static long long ticks(void)
{
	struct stat status;
	return stat(rig.deliveries, &status) ? 0 : (long long)status.st_size;
}

static bool ticks_came(void *arg)
{
	return ticks() >= *(const long long *)arg;
}

static void a_plugin_gets_no_tick_once_its_lease_has_expired_until_redis_answers(void **state)
{
	(void)state;
	test_rig_start(NULL);
	rig.runners[0] = test_runner_run(
		"[redis]\naddress = %s\ntimeout = 2s\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/tests/plugins/ticks.so\npartitions = 1\npartition_size = 10\ntick = 10ms\n"
		"session_timeout = %dms\noption.path = %s\n",
		rig.server->address, test_build_directory(), SESSION_MS, rig.deliveries);
	long long wanted = 5;
	test_wait_until(ticks_came, &wanted, 20000, "the first ticks");
	kill(rig.server->pid, SIGSTOP);
	/* No lease is longer than a session. */
	wait_ms(SESSION_MS);
	long long before = ticks();
	wait_ms(SESSION_MS / 2);
	long long after = ticks();
	kill(rig.server->pid, SIGCONT);
	assert_true(after == before);
	wanted = after + 5;
	test_wait_until(ticks_came, &wanted, 20000, "ticks after Redis has come back");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
}

static void forgotten_scripts_are_loaded_again_and_nothing_is_repeated(void **state)
{
	(void)state;
	test_rig_start(NULL);
	test_load *load = start_load(LONG_SESSION_MS);
	redisContext *context = test_server_connect(rig.server);
	for (int i = 0; i < 10; i++) {
		freeReplyObject(test_server_command(context, "SCRIPT FLUSH"));
		test_load_go_on(load, 10);
	}
	redisFree(context);
	assert_int_equal(finish(load), 0);
}

static bool has_struck(void *arg)
{
	test_storm *storm = arg;
	return atomic_load(&storm->strikes) > 5;
}

static void dropped_connections_are_made_again_and_nothing_is_repeated(void **state)
{
	(void)state;
	test_rig_start(NULL);
	test_load *load = start_load(LONG_SESSION_MS);
	test_storm storm;
	test_storm_start(&storm, rig.server, 100);
	wait_ms(2000);
	test_wait_until(has_struck, &storm, 20000, "connections are killed again and again");
	test_storm_end(&storm);
	assert_int_equal(finish(load), 0);
}

/* --- a Redis that refuses writes -------------------------------------------------------------------- */

static void command(const char *text)
{
	redisContext *context = test_server_connect(rig.server);
	redisReply *reply = test_server_command(context, text);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", text, reply->str);
	freeReplyObject(reply);
	redisFree(context);
}

static bool misconf(void *arg)
{
	(void)arg;
	redisContext *context = test_server_connect(rig.server);
	redisReply *reply = test_server_command(context, "SET probe 1");
	bool refused = reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "MISCONF", 7) == 0;
	freeReplyObject(reply);
	redisFree(context);
	return refused;
}

static void a_redis_without_memory_is_waited_for_and_nothing_is_repeated(void **state)
{
	(void)state;
	test_rig_start(NULL);
	test_load *load = start_load(LONG_SESSION_MS);
	command("CONFIG SET maxmemory 1");
	wait_ms(1000);
	command("CONFIG SET maxmemory 0");
	assert_int_equal(finish(load), 0);
}

static void a_redis_whose_disk_is_full_is_waited_for_and_nothing_is_repeated(void **state)
{
	(void)state;
	char disk[64], arguments[128];
	test_directory_make(disk);
	snprintf(arguments, sizeof(arguments), "--dir %s --save 3600 1", disk);
	test_rig_start(arguments);
	test_load *load = start_load(LONG_SESSION_MS);
	/* Redis cannot write a snapshot, and takes that for a full disk. */
	test_directory_remove(disk);
	command("BGSAVE");
	test_wait_until(misconf, NULL, 20000, "Redis refuses writes");
	wait_ms(1000);
	command("CONFIG SET stop-writes-on-bgsave-error no");
	assert_int_equal(finish(load), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up_directory, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_redis_that_crashes_and_comes_back_loses_and_reorders_nothing),
		TEST(a_redis_that_is_away_for_longer_than_a_session_is_waited_for),
		TEST(while_redis_is_away_nothing_spins),
		TEST(a_redis_that_hangs_for_longer_than_a_session_is_waited_for),
		TEST(a_plugin_gets_no_tick_once_its_lease_has_expired_until_redis_answers),
		TEST(forgotten_scripts_are_loaded_again_and_nothing_is_repeated),
		TEST(dropped_connections_are_made_again_and_nothing_is_repeated),
		TEST(a_redis_without_memory_is_waited_for_and_nothing_is_repeated),
		TEST(a_redis_whose_disk_is_full_is_waited_for_and_nothing_is_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
