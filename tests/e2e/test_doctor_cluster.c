/* test_doctor_cluster.c - `segctl doctor` on a real cluster: its health, and each of its masters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "harness/cluster.h"
#include "harness/segctl.h"

static test_cluster *cluster;
static const test_segctl *answer;

static int set_up(void **state)
{
	(void)state;
	cluster = test_cluster_start(&(test_cluster_options){.arguments = "--appendonly yes"});
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_cluster_stop(cluster);
	return 0;
}

/* Asks the first node. */
static void doctor(const char *arguments)
{
	char address[64];
	snprintf(address, sizeof(address), "redis://127.0.0.1:%d", cluster->nodes[0]->port);
	answer = test_segctl_do(address, "doctor --timeout 2s %s", arguments);
	assert_true(answer->exit_code >= 0);
}

static void says(const char *level, const char *check, int node, const char *found)
{
	char line[256];
	snprintf(line, sizeof(line), "%-4s %-12s 127.0.0.1:%d: %s", level, check, cluster->nodes[node]->port,
		 found);
	test_expect_text(answer->output, line);
}

static void configure(int node, const char *name, const char *value)
{
	redisContext *redis = test_server_connect(cluster->nodes[node]);
	freeReplyObject(test_server_command(redis, "CONFIG SET %s %s", name, value));
	redisFree(redis);
}

static void each_master_is_reached_and_judged(void **state)
{
	(void)state;
	doctor("");
	test_expect_text(answer->output, "ok   mode         cluster");
	test_expect_text(answer->output, "ok   cluster      all slots served, 3 masters, 3 nodes");
	test_expect_text(answer->output, "ok   keys ");
	test_expect_text(answer->output, "ok   rights ");
	for (int node = 0; node < 3; node++)
		says("ok", "node", node, "reached");
	configure(1, "appendonly", "no");
	configure(2, "timeout", "20");
	doctor("");
	says("ok", "node", 0, "reached");
	says("warn", "persistence", 1, "Redis keeps nothing on disk");
	says("warn", "idle timeout", 2, "Redis closes connections");
	configure(1, "appendonly", "yes");
	configure(2, "timeout", "0");
}

static void a_dead_master_is_named(void **state)
{
	(void)state;
	test_cluster_kill(cluster, 2);
	doctor("");
	assert_int_equal(answer->exit_code, EX_UNAVAILABLE);
	says("fail", "node", 2, "");
	says("ok", "node", 1, "reached");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_master_is_reached_and_judged),
		cmocka_unit_test(a_dead_master_is_named),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
