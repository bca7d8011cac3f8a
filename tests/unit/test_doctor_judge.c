/* test_doctor_judge.c - the doctor's judgements, by facts that a test gives; and how findings become lines and an exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "doctor/judge.h"
#include "doctor/judge_all.h"
#include "doctor/size_text.h"
#include "redis/reply.h"

static seg_facts facts;
static seg_report report;

static int set_up(void **state)
{
	(void)state;
	facts = (seg_facts){.max_message_bytes = 16 << 20, .round_trip = 0.001};
	report = (seg_report){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	seg_facts_free(&facts);
	seg_report_free(&report);
	return 0;
}

static void say(seg_values *values, const char *text)
{
	seg_reply reply = {.type = SEG_REPLY_TEXT, .text = text, .length = strlen(text)};
	seg_values_read(values, &reply);
}

/* The only finding has this level, and contains these texts. */
static void expect(seg_finding_level level, const char *found, const char *advice)
{
	assert_int_equal(report.count, 1);
	assert_int_equal(report.list[0].level, level);
	if (!strstr(report.list[0].found, found))
		fail_msg("\"%s\" lacks \"%s\"", report.list[0].found, found);
	if (!strstr(report.list[0].advice, advice))
		fail_msg("\"%s\" lacks \"%s\"", report.list[0].advice, advice);
	seg_report_free(&report);
}

static void expect_nothing(void)
{
	assert_int_equal(report.count, 0);
}

/* --- values --------------------------------------------------------------------------------- */

static void values_are_found_by_their_whole_name(void **state)
{
	(void)state;
	char value[SEG_VALUE_MAX];
	say(&facts.info, "# Memory\r\nmaxmemory_policy:noeviction\r\nmaxmemory:12\r\nlast:x");
	assert_string_equal(seg_values_get(&facts.info, "maxmemory", value), "12");
	assert_string_equal(seg_values_get(&facts.info, "last", value), "x");
	assert_string_equal(seg_values_get(&facts.info, "memory", value), "");
	assert_int_equal(seg_values_number(&facts.info, "maxmemory", -1), 12);
	assert_int_equal(seg_values_number(&facts.info, "maxmemory_policy", -1), -1);
	assert_int_equal(seg_values_number(&facts.info, "none", -1), -1);
	assert_int_equal(seg_values_number(&facts.config, "none", -1), -1);
}

static void a_reply_of_another_type_leaves_the_values_unknown(void **state)
{
	(void)state;
	seg_reply number = {.type = SEG_REPLY_INTEGER, .integer = 5};
	seg_reply refusal = {.type = SEG_REPLY_ERROR, .text = "NOPERM no", .length = 9};
	seg_values_read(&facts.info, &number);
	assert_null(facts.info.text);
	seg_values_read(&facts.info, &refusal);
	assert_null(facts.info.text);
	assert_string_equal(facts.info.refusal, "NOPERM no");
	seg_values_read(&facts.info, NULL);
	assert_string_equal(facts.info.refusal, "");
}

static void pairs_of_any_type_are_read(void **state)
{
	(void)state;
	char value[SEG_VALUE_MAX];
	seg_reply name = {.type = SEG_REPLY_TEXT, .text = "save", .length = 4};
	seg_reply number = {.type = SEG_REPLY_INTEGER, .integer = 7}, nil = {.type = SEG_REPLY_NIL};
	seg_reply *elements[] = {&name, &number, &nil, &nil, &name};
	seg_reply array = {.type = SEG_REPLY_ARRAY, .elements = elements, .count = 5};
	seg_values_read(&facts.config, &array);
	assert_string_equal(seg_values_get(&facts.config, "save", value), "7");
}

/* --- what it is ------------------------------------------------------------------------------- */

static void an_old_redis_fails_and_a_valkey_that_names_an_old_one_does_not(void **state)
{
	(void)state;
	say(&facts.info, "redis_version:6.2.7\r\n");
	seg_judge_version(&facts, &report);
	expect(SEG_FINDING_FAIL, "Redis 6.2.7 is too old", "upgrade to Redis 7.0");
	say(&facts.info, "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n");
	seg_judge_version(&facts, &report);
	expect(SEG_FINDING_OK, "Valkey 8.1.1, compatible with Redis 7.2.4", "");
	say(&facts.info, "nothing:1\r\n");
	seg_judge_version(&facts, &report);
	expect(SEG_FINDING_FAIL, "no redis_version", "check that the address");
}

static void without_info_the_version_and_the_role_come_from_hello(void **state)
{
	(void)state;
	say(&facts.hello, "server:redis\nversion:6.2.0\nmode:standalone\nrole:replica\n");
	seg_judge_version(&facts, &report);
	expect(SEG_FINDING_FAIL, "Redis 6.2.0 is too old", "upgrade");
	seg_judge_role(&facts, &report);
	expect(SEG_FINDING_FAIL, "read-only replica", "connect to its master");
	say(&facts.hello, "server:valkey\nversion:8.1.1\nmode:cluster\nrole:master\n");
	seg_judge_version(&facts, &report);
	expect(SEG_FINDING_OK, "valkey 8.1.1", "");
	seg_judge_mode(&facts, &report);
	expect(SEG_FINDING_OK, "cluster", "");
}

static void a_refused_info_is_one_warning_that_names_the_right(void **state)
{
	(void)state;
	say(&facts.config, "save:\n");
	snprintf(facts.info.refusal, sizeof(facts.info.refusal), "NOPERM no right");
	seg_judge_all(&facts, &report);
	size_t warnings = 0;
	for (size_t i = 0; i < report.count; i++)
		warnings += report.list[i].level == SEG_FINDING_WARN &&
			    strcmp(report.list[i].check, "answers") == 0;
	assert_int_equal(warnings, 1);
	assert_int_equal(seg_report_exit_code(&report), EX_OK);
}

static void a_replica_fails_and_names_its_master(void **state)
{
	(void)state;
	say(&facts.info, "role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6380\r\n");
	seg_judge_role(&facts, &report);
	expect(SEG_FINDING_FAIL, "read-only replica", "10.0.0.1:6380");
}

static void a_sentinel_fails_and_valkeys_word_for_the_mode_is_known(void **state)
{
	(void)state;
	say(&facts.info, "redis_mode:sentinel\r\n");
	seg_judge_mode(&facts, &report);
	expect(SEG_FINDING_FAIL, "Sentinel", "master");
	say(&facts.info, "server_mode:cluster\r\n");
	seg_judge_mode(&facts, &report);
	expect(SEG_FINDING_OK, "cluster", "");
}

static void a_server_that_loads_its_data_fails(void **state)
{
	(void)state;
	say(&facts.info, "loading:1\r\n");
	seg_judge_role(&facts, &report);
	expect(SEG_FINDING_FAIL, "loading", "wait");
}

static void a_clock_may_differ_by_a_second_and_by_what_the_round_trip_hides(void **state)
{
	(void)state;
	seg_judge_clock(&facts, &report);
	expect_nothing();
	facts.clock_known = true;
	facts.clock_offset = 0.9;
	seg_judge_clock(&facts, &report);
	expect(SEG_FINDING_OK, "within 900 ms", "");
	facts.clock_offset = -3.25;
	seg_judge_clock(&facts, &report);
	expect(SEG_FINDING_WARN, "3.2 s behind", "NTP");
	facts.clock_offset = 3.25;
	seg_judge_clock(&facts, &report);
	expect(SEG_FINDING_WARN, "3.2 s ahead of", "NTP");
	facts.clock_doubt = 2.5;
	seg_judge_clock(&facts, &report);
	expect(SEG_FINDING_OK, "within 5750 ms", "");
}

static void a_slow_round_trip_is_a_warning(void **state)
{
	(void)state;
	facts.round_trip = 0.08;
	seg_judge_round_trip(&facts, &report);
	expect(SEG_FINDING_WARN, "80 ms", "nearer");
}

/* --- what a crash loses ----------------------------------------------------------------------- */

static void each_kind_of_persistence_is_told_apart(void **state)
{
	(void)state;
	seg_judge_persistence(&facts, &report);
	expect_nothing();
	say(&facts.info, "aof_enabled:0\r\n");
	seg_judge_persistence(&facts, &report);
	expect(SEG_FINDING_WARN, "no append-only file", "appendonly yes");
	say(&facts.config, "save:\nappendfsync:everysec\n");
	seg_judge_persistence(&facts, &report);
	expect(SEG_FINDING_WARN, "nothing on disk", "appendonly yes");
	say(&facts.config, "save:3600 1\nappendfsync:everysec\n");
	seg_judge_persistence(&facts, &report);
	expect(SEG_FINDING_WARN, "snapshots only", "appendonly yes");
	say(&facts.info, "aof_enabled:1\r\n");
	seg_judge_persistence(&facts, &report);
	expect(SEG_FINDING_OK, "every second", "");
	say(&facts.config, "save:\nappendfsync:no\n");
	seg_judge_persistence(&facts, &report);
	expect(SEG_FINDING_WARN, "appendfsync is no", "everysec");
}

static void a_disk_that_stops_all_writes_fails_and_a_failed_snapshot_warns(void **state)
{
	(void)state;
	say(&facts.info, "rdb_last_bgsave_status:ok\r\naof_last_write_status:ok\r\n");
	seg_judge_disk(&facts, &report);
	expect_nothing();
	say(&facts.info, "aof_last_write_status:err\r\n");
	seg_judge_disk(&facts, &report);
	expect(SEG_FINDING_FAIL, "MISCONF", "disk space");
	say(&facts.info, "rdb_last_bgsave_status:err\r\n");
	seg_judge_disk(&facts, &report);
	expect(SEG_FINDING_WARN, "snapshot failed", "disk space");
	say(&facts.config, "save:3600 1\nstop-writes-on-bgsave-error:yes\n");
	seg_judge_disk(&facts, &report);
	expect(SEG_FINDING_FAIL, "MISCONF", "disk space");
	say(&facts.info, "aof_last_bgrewrite_status:err\r\n");
	seg_judge_disk(&facts, &report);
	expect(SEG_FINDING_WARN, "rewrite", "disk space");
}

static void replicas_that_lag_warn_and_too_few_for_writes_fail(void **state)
{
	(void)state;
	say(&facts.info, "role:master\r\nconnected_slaves:0\r\n");
	seg_judge_replicas(&facts, &report);
	expect(SEG_FINDING_OK, "none", "");
	say(&facts.config, "min-replicas-to-write:1\n");
	seg_judge_replicas(&facts, &report);
	expect(SEG_FINDING_FAIL, "NOREPLICAS", "start the replicas");
	say(&facts.info, "role:master\r\nconnected_slaves:1\r\n"
			 "slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=1\r\n");
	seg_judge_replicas(&facts, &report);
	expect(SEG_FINDING_OK, "1 connected", "");
	say(&facts.config, "min-replicas-to-write:0\n");
	say(&facts.info, "role:master\r\nconnected_slaves:1\r\n"
			 "slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=60\r\n");
	seg_judge_replicas(&facts, &report);
	expect(SEG_FINDING_WARN, "10.0.0.2:6379 last answered 60 s ago", "link");
	say(&facts.info, "role:master\r\nconnected_slaves:3\r\nslave0:\r\n");
	seg_judge_replicas(&facts, &report);
	expect_nothing();
	say(&facts.info, "role:master\r\nconnected_slaves:1\r\n"
			 "slave0:ip=10.0.0.2,port=6379,state=wait_bgsave,offset=0,lag=0\r\n");
	seg_judge_replicas(&facts, &report);
	expect(SEG_FINDING_WARN, "10.0.0.2:6379 is not in step yet (wait_bgsave)", "first copy");
}

static void fewer_replicas_than_ack_replicas_fail(void **state)
{
	(void)state;
	facts.ack_replicas = 2;
	say(&facts.info, "role:master\r\nconnected_slaves:1\r\n"
			 "slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=1\r\n");
	seg_judge_replicas(&facts, &report);
	expect(SEG_FINDING_FAIL, "ack_replicas is 2, but 1 is in reach", "lower ack_replicas");
	facts.ack_replicas = 1;
	seg_judge_replicas(&facts, &report);
	expect(SEG_FINDING_OK, "1 connected", "");
}

static void of_a_sentinel_only_the_mode_is_told(void **state)
{
	(void)state;
	say(&facts.info, "redis_version:7.0.15\r\nredis_mode:sentinel\r\n");
	seg_judge_all(&facts, &report);
	expect(SEG_FINDING_FAIL, "is a Sentinel", "write redis+sentinel://HOST,HOST/MASTER");
}

/* --- memory and limits ------------------------------------------------------------------------ */

static void eviction_fails_where_memory_is_limited_unless_it_is_allowed(void **state)
{
	(void)state;
	say(&facts.info, "maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n");
	seg_judge_eviction(&facts, &report);
	expect(SEG_FINDING_WARN, "allkeys-lru", "noeviction");
	say(&facts.info, "maxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n");
	seg_judge_eviction(&facts, &report);
	assert_int_equal(seg_report_exit_code(&report), EX_CONFIG);
	expect(SEG_FINDING_FAIL, "deletes messages", "noeviction");
	facts.allow_eviction = true;
	seg_judge_eviction(&facts, &report);
	expect(SEG_FINDING_WARN, "deletes messages", "noeviction");
	say(&facts.info, "maxmemory:100\r\nmaxmemory_policy:noeviction\r\n");
	seg_judge_eviction(&facts, &report);
	expect(SEG_FINDING_OK, "noeviction", "");
}

static void memory_that_is_nearly_full_warns(void **state)
{
	(void)state;
	say(&facts.info, "used_memory:891289600\r\nmaxmemory:1073741824\r\n");
	seg_judge_memory(&facts, &report);
	expect(SEG_FINDING_OK, "850 MiB used, maxmemory 1.0 GiB", "");
	say(&facts.info, "used_memory:1000000000\r\nmaxmemory:1073741824\r\n");
	seg_judge_memory(&facts, &report);
	expect(SEG_FINDING_WARN, "refuses new messages", "maxmemory");
	say(&facts.info, "used_memory:900\r\nmaxmemory:0\r\ntotal_system_memory:1000\r\n");
	seg_judge_memory(&facts, &report);
	expect(SEG_FINDING_WARN, "may kill Redis", "set maxmemory");
}

static void limits_below_what_messages_need_warn(void **state)
{
	(void)state;
	say(&facts.config,
	    "proto-max-bulk-len:1048576\nclient-output-buffer-limit:normal 0 0 0 slave 1 1 60\n"
	    "timeout:0\nmaxclients:100\ntracking-table-max-keys:10\n");
	seg_judge_message_size(&facts, &report);
	expect(SEG_FINDING_WARN, "1.0 MiB", "proto-max-bulk-len");
	seg_judge_output_buffer(&facts, &report);
	expect(SEG_FINDING_OK, "", "");
	seg_judge_idle_timeout(&facts, &report);
	expect(SEG_FINDING_OK, "none", "");
	seg_judge_tracking(&facts, &report);
	expect(SEG_FINDING_WARN, "is 10:", "1000000");
	say(&facts.info, "connected_clients:81\r\n");
	seg_judge_connections(&facts, &report);
	expect(SEG_FINDING_WARN, "81 of 100", "maxclients");
	say(&facts.config, "client-output-buffer-limit:normal 0 1048576 60 slave 0 0 0\ntimeout:30\n");
	seg_judge_output_buffer(&facts, &report);
	expect(SEG_FINDING_WARN, "1.0 MiB", "normal 0 0 0");
	seg_judge_idle_timeout(&facts, &report);
	expect(SEG_FINDING_WARN, "30 s", "timeout 0");
}

static void a_cluster_fails_with_slots_that_nobody_serves(void **state)
{
	(void)state;
	seg_judge_cluster(&facts, &report);
	expect_nothing();
	say(&facts.cluster, "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_size:3\r\n"
			    "cluster_known_nodes:6\r\n");
	seg_judge_cluster(&facts, &report);
	expect(SEG_FINDING_OK, "3 masters, 6 nodes", "");
	say(&facts.cluster, "cluster_state:ok\r\ncluster_slots_assigned:16380\r\n");
	seg_judge_cluster(&facts, &report);
	expect(SEG_FINDING_FAIL, "4 of 16384 slots", "--cluster fix");
	say(&facts.cluster, "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_fail:9\r\n");
	seg_judge_cluster(&facts, &report);
	expect(SEG_FINDING_FAIL, "9 slots", "CLUSTER NODES");
	say(&facts.cluster, "cluster_state:fail\r\n");
	seg_judge_cluster(&facts, &report);
	expect(SEG_FINDING_FAIL, "\"fail\"", "CLUSTER NODES");
}

/* --- lines and the exit code -------------------------------------------------------------------- */

static void sizes_are_in_the_unit_that_fits(void **state)
{
	(void)state;
	char text[SEG_SIZE_TEXT_MAX];
	assert_string_equal(seg_size_text(512, text), "512 B");
	assert_string_equal(seg_size_text(1536, text), "1.5 KiB");
	assert_string_equal(seg_size_text(INT64_MAX, text), "8388608 TiB");
}

static void the_server_comes_before_rights_and_rights_before_settings(void **state)
{
	(void)state;
	assert_int_equal(seg_report_exit_code(&report), EX_OK);
	seg_report_warn(&report, "a", "b");
	assert_int_equal(seg_report_exit_code(&report), EX_OK);
	seg_report_fail(&report, EX_CONFIG, "a", "b");
	assert_int_equal(seg_report_exit_code(&report), EX_CONFIG);
	seg_report_fail(&report, EX_NOPERM, "a", "b");
	assert_int_equal(seg_report_exit_code(&report), EX_NOPERM);
	seg_report_fail(&report, EX_UNAVAILABLE, "a", "b");
	assert_int_equal(seg_report_exit_code(&report), EX_UNAVAILABLE);
}

static void a_line_has_the_level_the_check_what_is_so_and_what_to_do(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	seg_report_ok(&report, "role", "master");
	seg_report_warn(&report, "disk", "it\x1b[2J is\nfull");
	seg_report_advise(&report, "buy %s", "more");
	seg_report_print(&report, out);
	fclose(out);
	assert_string_equal(text, "ok   role         master\nwarn disk         it [2J is full: buy more\n");
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_are_found_by_their_whole_name),
		TEST(a_reply_of_another_type_leaves_the_values_unknown),
		TEST(pairs_of_any_type_are_read),
		TEST(an_old_redis_fails_and_a_valkey_that_names_an_old_one_does_not),
		TEST(without_info_the_version_and_the_role_come_from_hello),
		TEST(a_refused_info_is_one_warning_that_names_the_right),
		TEST(a_replica_fails_and_names_its_master),
		TEST(a_sentinel_fails_and_valkeys_word_for_the_mode_is_known),
		TEST(a_server_that_loads_its_data_fails),
		TEST(a_clock_may_differ_by_a_second_and_by_what_the_round_trip_hides),
		TEST(a_slow_round_trip_is_a_warning),
		TEST(each_kind_of_persistence_is_told_apart),
		TEST(a_disk_that_stops_all_writes_fails_and_a_failed_snapshot_warns),
		TEST(replicas_that_lag_warn_and_too_few_for_writes_fail),
		TEST(fewer_replicas_than_ack_replicas_fail),
		TEST(of_a_sentinel_only_the_mode_is_told),
		TEST(eviction_fails_where_memory_is_limited_unless_it_is_allowed),
		TEST(memory_that_is_nearly_full_warns),
		TEST(limits_below_what_messages_need_warn),
		TEST(a_cluster_fails_with_slots_that_nobody_serves),
		TEST(sizes_are_in_the_unit_that_fits),
		TEST(the_server_comes_before_rights_and_rights_before_settings),
		TEST(a_line_has_the_level_the_check_what_is_so_and_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
