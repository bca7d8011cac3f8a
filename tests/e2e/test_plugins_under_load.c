/*
 * test_plugins_under_load.c - exec and lua in real runners, with handlers that fail now and then and runners
 * that are killed: each message is handled, in order.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/load.h"
#include "harness/plugin.h"
#include "harness/rig.h"

enum { PARTITIONS = 4, KEYS = 8, PER_SECOND = 100, PATIENCE_MS = 30000 };

/* Both scripts write the lines of `record`, unless they fail first. */
static const char python[] =
	"import json, os, sys\n"
	"deliveries = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
	"children = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
	"os.write(children, b'%d\\n' % os.getpid())\n"
	"for line in sys.stdin:\n"
	"    m = json.loads(line)\n"
	"    if int(m['data']) % 37 == 36 and m['key'] < 'k2' and m['attempt'] == 1:\n"
	"        os._exit(1)\n"
	"    text = '%d %d %s %s %s %d\\n' % (m['epoch'], m['partition'], m['id'], m['key'],"
	" m['data'], m['attempt'])\n"
	"    os.write(deliveries, text.encode())\n"
	"    print('{\"ok\":true}', flush=True)\n";
#define LUA                                                                                           \
	"local deliveries = io.open('%s', 'a')\n"                                                     \
	"deliveries:setvbuf('full')\n"                                                                \
	"function handle(m)\n"                                                                        \
	"  if tonumber(m.data) %% 37 == 36 and m.attempt == 1 then error('not yet') end\n"            \
	"  deliveries:write(('%%d %%d %%s %%s %%s %%d\\n'):format(m.epoch, m.partition, m.id, m.key," \
	" m.data, m.attempt))\n"                                                                      \
	"  deliveries:flush()\n"                                                                      \
	"end\n"

static void run(const char *plugin, const char *options)
{
	test_runner_free(rig.runner);
	rig.runner =
		test_runner_run("[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\n"
				"plugin = %s/plugins/%s.so\npartitions = %d\n" TEST_MORTAL
				"max_attempts = 0\nretry_backoff = 1ms\n%s\n",
				rig.server->address, test_build_directory(), plugin, PARTITIONS, options);
}

static bool is_gone(void *pid)
{
	char path[64], line[256] = "";
	snprintf(path, sizeof(path), "/proc/%ld/stat", *(long *)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return true;
	const char *behind_name = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	return !behind_name || behind_name[2] == 'Z';
}

static bool has_children(void *arg)
{
	(void)arg;
	int lines = 0, c;
	FILE *file = fopen(test_rig_path("children"), "r");
	while (file && (c = fgetc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines >= PARTITIONS;
}

/* Waits until no child lives, and returns how many there were. */
static int expect_no_children(void)
{
	long pid;
	int count = 0;
	FILE *file = fopen(test_rig_path("children"), "r");
	assert_non_null(file);
	for (; fscanf(file, "%ld", &pid) == 1; count++)
		test_wait_until(is_gone, &pid, PATIENCE_MS, "a child ends with its runner");
	fclose(file);
	return count;
}

/* Ends the load, and checks that all messages were handled, in order. */
static void expect_all(test_load *load)
{
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	test_deliveries_check(&deliveries, KEYS, numbers, 0);
	test_deliveries_free(&deliveries);
}

static void crashing_children_and_a_killed_runner_lose_nothing_and_leave_no_process(void **state)
{
	(void)state;
	char options[512];
	if (!test_plugin_is_built("exec"))
		return;
	const char *handler = test_rig_write("handler", "%s", python);
	snprintf(options, sizeof(options), "option.command = exec python3 %s %s %s", handler, rig.deliveries,
		 test_rig_path("children"));
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run("exec", options);
	test_load_reach(load, 60);
	test_wait_until(has_children, NULL, PATIENCE_MS, "each partition has a child");
	assert_int_equal(test_runner_stop(rig.runner, SIGKILL), -SIGKILL);
	int before = expect_no_children();
	run("exec", options);
	test_load_reach(load, 120);
	expect_all(load);
	assert_true(expect_no_children() >= before + PARTITIONS);
	test_runner_says(rig.runner, "the child ended with exit code 1");
}

static void a_script_that_fails_and_a_killed_runner_lose_nothing(void **state)
{
	(void)state;
	char options[256];
	if (!test_plugin_is_built("lua"))
		return;
	const char *handler = test_rig_write("handler", LUA, rig.deliveries);
	snprintf(options, sizeof(options), "option.script = %s\noption.sandbox = no", handler);
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run("lua", options);
	test_load_reach(load, 60);
	assert_int_equal(test_runner_stop(rig.runner, SIGKILL), -SIGKILL);
	run("lua", options);
	test_load_reach(load, 120);
	expect_all(load);
	test_runner_says(rig.runner, "not yet");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(crashing_children_and_a_killed_runner_lose_nothing_and_leave_no_process),
		TEST(a_script_that_fails_and_a_killed_runner_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
