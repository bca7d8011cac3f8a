/* test_server_check.c - which servers are accepted, judged by their own texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "redis/server_check.h"

#define GOOD                                                                                                         \
	"# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:abc\r\n\r\n# Memory\r\nmaxmemory:0\r\n" \
	"maxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n# Replication\r\nrole:master\r\n"          \
	"master_replid:def\r\n"

static char logged[4096];

static void note(void *arg, const seg_log_event *event)
{
	(void)arg;
	size_t n = strlen(logged);
	snprintf(logged + n, sizeof(logged) - n, "%d:%s\n", event->level, event->text);
}

static int check_facts(const seg_server_facts *facts, bool allow, const char *part_of_text)
{
	seg_error error = {0};
	seg_logger logger = seg_logger_make(note, NULL);
	logged[0] = '\0';
	int status = seg_server_check(facts, allow, "redis://h:1", &logger, &error);
	if (status && !strstr(error.text, part_of_text))
		fail_msg("\"%s\" does not say \"%s\"", error.text, part_of_text);
	return status;
}

static int check(const char *info, const char *part_of_text)
{
	seg_server_facts facts;
	seg_server_facts_read(&facts, info, strlen(info));
	return check_facts(&facts, false, part_of_text);
}

static void a_master_of_version_7_that_does_not_evict_is_taken(void **state)
{
	(void)state;
	seg_server_facts facts;
	seg_server_facts_read(&facts, GOOD, strlen(GOOD));
	assert_int_equal(check_facts(&facts, false, ""), 0);
	assert_string_equal(facts.run_id, "abc");
	assert_string_equal(facts.replication_id, "def");
	assert_string_equal(logged, "");
}

static void an_older_version_is_refused_and_both_are_named(void **state)
{
	(void)state;
	assert_int_equal(check("redis_version:6.2.14\r\nrole:master\r\n",
			       "version 6.2.14; this library needs 7.0"),
			 SEG_ESERVER);
	assert_int_equal(check("redis_version:5.0.0\n", "5.0.0"), SEG_ESERVER);
	assert_int_equal(check("redis_version:8.2.1\n", ""), 0);
	assert_int_equal(check("redis_version:10.0.0\n", ""), 0);
}

static void valkey_is_taken(void **state)
{
	(void)state;
	assert_int_equal(
		check("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nrole:master\r\n",
		      ""),
		0);
}

static void a_replica_is_refused_and_its_master_named(void **state)
{
	(void)state;
	assert_int_equal(
		check("redis_version:7.0.15\r\nrole:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6380\r\n",
		      "read-only replica of 10.0.0.1:6380; connect to the master"),
		SEG_ESERVER);
}

static void a_sentinel_is_refused_and_a_node_of_a_cluster_is_taken(void **state)
{
	(void)state;
	assert_int_equal(check("redis_version:7.0.15\r\nredis_mode:sentinel\r\n", "Sentinel"), SEG_ESERVER);
	assert_int_equal(check("redis_version:7.0.15\r\nredis_mode:cluster\r\nrole:master\r\n", ""), 0);
}

static void valkey_s_own_name_of_the_mode_is_read(void **state)
{
	(void)state;
	static const char info[] = "redis_version:7.2.4\r\nvalkey_version:8.1.1\r\nserver_mode:cluster\r\n";
	seg_server_facts facts;
	seg_server_facts_read(&facts, info, sizeof(info) - 1);
	assert_string_equal(facts.mode, "cluster");
}

static seg_reply text_of(const char *text)
{
	return (seg_reply){.type = SEG_REPLY_TEXT, .text = text, .length = strlen(text)};
}

static void hello_says_the_version_the_mode_and_the_role(void **state)
{
	(void)state;
	seg_server_facts facts;
	seg_reply texts[] = {text_of("server"),  text_of("redis"),
			     text_of("version"), text_of("7.2.1"),
			     text_of("mode"),    text_of("standalone"),
			     text_of("role"),    text_of("replica"),
			     text_of("proto"),   {.type = SEG_REPLY_INTEGER, .integer = 2}};
	seg_reply *elements[10];
	for (size_t i = 0; i < 10; i++)
		elements[i] = &texts[i];
	seg_reply hello = {.type = SEG_REPLY_ARRAY, .elements = elements, .count = 10};
	assert_int_equal(seg_server_check_reply(&hello, false, "x", &facts, NULL), SEG_ESERVER);
	assert_string_equal(facts.version, "7.2.1");
	assert_string_equal(facts.mode, "standalone");
	assert_string_equal(facts.role, "slave");
	assert_string_equal(facts.run_id, "");
	texts[7] = text_of("master");
	assert_int_equal(seg_server_check_reply(&hello, false, "x", &facts, NULL), 0);
	texts[3] = text_of("6.2.0");
	assert_int_equal(seg_server_check_reply(&hello, false, "x", &facts, NULL), SEG_ESERVER);
}

static void a_server_that_names_no_version_is_no_redis(void **state)
{
	(void)state;
	assert_int_equal(check("", "redis_version"), SEG_EPROTOCOL);
	assert_int_equal(check("hello\r\nredis_version\r\n", "redis_version"), SEG_EPROTOCOL);
}

static void a_server_that_evicts_is_refused_unless_allowed(void **state)
{
	(void)state;
	const char *info = "redis_version:7.0.15\r\nmaxmemory:1048576\r\nmaxmemory_policy:allkeys-lru\r\n";
	seg_server_facts facts;
	seg_server_facts_read(&facts, info, strlen(info));
	assert_int_equal(check_facts(&facts, false, "CONFIG SET maxmemory-policy noeviction"), SEG_ESERVER);
	assert_int_equal(check_facts(&facts, false, "allkeys-lru"), SEG_ESERVER);
	assert_int_equal(check_facts(&facts, true, ""), 0);
	assert_non_null(strstr(logged, "allkeys-lru"));
}

static void an_evicting_policy_without_a_limit_is_warned_of(void **state)
{
	(void)state;
	assert_int_equal(check("redis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:volatile-lru\r\n",
			       ""),
			 0);
	assert_non_null(strstr(logged, "2:Redis at redis://h:1 has maxmemory-policy volatile-lru"));
}

static void missing_persistence_is_warned_of(void **state)
{
	(void)state;
	seg_server_facts facts = {.version = "7.0.15", .config_known = true};
	assert_int_equal(check_facts(&facts, false, ""), 0);
	assert_non_null(strstr(logged, "2:Redis at redis://h:1 keeps nothing on disk"));
	snprintf(facts.save, sizeof(facts.save), "3600 1");
	assert_int_equal(check_facts(&facts, false, ""), 0);
	assert_non_null(strstr(logged, "last snapshot"));
	facts.append_only = true;
	snprintf(facts.append_fsync, sizeof(facts.append_fsync), "everysec");
	assert_int_equal(check_facts(&facts, false, ""), 0);
	assert_non_null(strstr(logged, "1:Redis at redis://h:1 has appendfsync everysec"));
	assert_null(strstr(logged, "2:"));
	snprintf(facts.append_fsync, sizeof(facts.append_fsync), "always");
	assert_int_equal(check_facts(&facts, false, ""), 0);
	assert_string_equal(logged, "");
}

static void config_is_read_where_it_is_an_answer(void **state)
{
	(void)state;
	seg_reply name = {.type = SEG_REPLY_TEXT, .text = "save", .length = 4};
	seg_reply value = {.type = SEG_REPLY_TEXT, .text = "60 1", .length = 4};
	seg_reply *elements[] = {&name, &value};
	seg_reply reply = {.type = SEG_REPLY_ARRAY, .elements = elements, .count = 2};
	seg_server_facts facts = {0};
	seg_server_facts_read_config(&facts, NULL);
	assert_false(facts.config_known);
	seg_server_facts_read_config(&facts, &reply);
	assert_true(facts.config_known);
	assert_string_equal(facts.save, "60 1");
}

static void values_longer_than_their_room_are_cut(void **state)
{
	(void)state;
	char info[1024] = "redis_version:7.";
	memset(info + strlen(info), '1', 900);
	assert_int_equal(check(info, ""), 0);
}

static void a_reply_that_is_an_error_is_no_fault_at_a_reconnect(void **state)
{
	(void)state;
	seg_server_facts facts;
	seg_reply refusal = {.type = SEG_REPLY_ERROR, .text = "NOPERM x", .length = 8};
	assert_int_equal(seg_server_check_reply(&refusal, false, "x", &facts, NULL), 0);
	assert_string_equal(facts.run_id, "");
	const char *info = "redis_version:7.0.15\r\nrole:slave\r\n";
	seg_reply replica = {.type = SEG_REPLY_TEXT, .text = info, .length = strlen(info)};
	assert_int_equal(seg_server_check_reply(&replica, false, "x", &facts, NULL), SEG_ESERVER);
}

static void a_reply_of_another_type_is_no_redis_at_a_reconnect(void **state)
{
	(void)state;
	seg_reply element = {.type = SEG_REPLY_TEXT, .text = "redis_version:7.2.0", .length = 19};
	seg_reply *elements[] = {&element};
	const seg_reply others[] = {{.type = SEG_REPLY_NIL},
				    {.type = SEG_REPLY_INTEGER, .integer = 7},
				    {.type = SEG_REPLY_ARRAY, .elements = elements, .count = 1}};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		seg_server_facts facts;
		assert_int_equal(seg_server_check_reply(&others[i], false, "x", &facts, NULL), SEG_EPROTOCOL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_master_of_version_7_that_does_not_evict_is_taken),
		cmocka_unit_test(an_older_version_is_refused_and_both_are_named),
		cmocka_unit_test(valkey_is_taken),
		cmocka_unit_test(a_replica_is_refused_and_its_master_named),
		cmocka_unit_test(a_sentinel_is_refused_and_a_node_of_a_cluster_is_taken),
		cmocka_unit_test(valkey_s_own_name_of_the_mode_is_read),
		cmocka_unit_test(hello_says_the_version_the_mode_and_the_role),
		cmocka_unit_test(a_server_that_names_no_version_is_no_redis),
		cmocka_unit_test(a_server_that_evicts_is_refused_unless_allowed),
		cmocka_unit_test(an_evicting_policy_without_a_limit_is_warned_of),
		cmocka_unit_test(missing_persistence_is_warned_of),
		cmocka_unit_test(config_is_read_where_it_is_an_answer),
		cmocka_unit_test(values_longer_than_their_room_are_cut),
		cmocka_unit_test(a_reply_that_is_an_error_is_no_fault_at_a_reconnect),
		cmocka_unit_test(a_reply_of_another_type_is_no_redis_at_a_reconnect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
