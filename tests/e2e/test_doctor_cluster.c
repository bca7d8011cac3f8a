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

static void make_user(int node, const char *rights)
{
	char command[160];
	redisContext *redis = test_server_connect(cluster->nodes[node]);
	snprintf(command, sizeof(command), "ACL SETUSER someone reset on >pw ~* +@all %s", rights);
	redisReply *reply = test_server_command(redis, command);
	assert_int_equal(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	redisFree(redis);
}

static void doctor_as_someone(void)
{
	char address[96];
	snprintf(address, sizeof(address), "redis://someone:pw@127.0.0.1:%d", cluster->nodes[0]->port);
	answer = test_segctl_do(address, "doctor --timeout 2s");
}

static void a_user_that_is_not_on_every_node_is_told_of(void **state)
{
	(void)state;
	make_user(0, "&*");
	doctor_as_someone();
	assert_int_equal(answer->exit_code, EX_NOPERM);
	says("fail", "node", 1, "Redis at 127.0.0.1:");
	test_expect_text(answer->output,
			 "make the user on every node of the cluster, with the same password");
}

static void rights_that_only_a_cluster_needs_are_tried(void **state)
{
	(void)state;
	for (int node = 0; node < 3; node++)
		make_user(node, "-asking -client|tracking resetchannels");
	doctor_as_someone();
	assert_int_equal(answer->exit_code, EX_NOPERM);
	test_expect_text(answer->output,
			 "fail rights       the user may not run asking: run ACL SETUSER with +asking");
	test_expect_text(answer->output,
			 "warn rights       the user may not run client|tracking; without it,");
	test_expect_text(answer->output, "run ACL SETUSER with +subscribe &__redis__:invalidate");
	assert_null(strstr(answer->output, ": the user may not run"));
}

static void rights_that_a_user_has_on_some_nodes_are_told_with_the_node(void **state)
{
	(void)state;
	for (int node = 0; node < 3; node++)
		make_user(node, node == 1 ? "&* -xadd" : "&*");
	doctor_as_someone();
	assert_int_equal(answer->exit_code, EX_NOPERM);
	says("ok", "node", 0, "reached");
	says("fail", "rights", 1, "the user may not run xadd");
	says("ok", "node", 2, "reached");
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
		cmocka_unit_test(a_user_that_is_not_on_every_node_is_told_of),
		cmocka_unit_test(rights_that_only_a_cluster_needs_are_tried),
		cmocka_unit_test(rights_that_a_user_has_on_some_nodes_are_told_with_the_node),
		cmocka_unit_test(a_dead_master_is_named),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
