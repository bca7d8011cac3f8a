/*
 * test_doctor.c - `segctl doctor` and `segrunner --check --connect` with real servers that are well, set wrongly, or
 * restricted, and with one that sends replies of other types.
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
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "harness/fake_server.h"
#include "harness/rig.h"
#include "harness/segctl.h"

/* The rights that suffice on the keys of the namespace "default". */
#define KEYS "~__default:* ~{__default:*"
#define BASE "+evalsha +script|load +client|setname +client|id +info +config|get"
#define SHARED                                                                                            \
	"+exists +get +hdel +hexists +hget +hgetall +hincrby +hkeys +hlen +hmget +hset +sadd +set +time " \
	"+xack +xadd +xgroup|create +xgroup|setid +xinfo|groups +xinfo|stream +xlen +xpending +xrange "   \
	"+xrevrange +xtrim +zadd +zcard +zrange +zrangebyscore +zrem +zscore"
#define RUNNER BASE " " SHARED " +client|unblock +hscan +xread +multi +exec +sismember +smembers +srem"
#define PRODUCER BASE " " SHARED
#define OPERATOR        \
	BASE " " SHARED \
	     " +scan +hscan +multi +exec +unlink +srem +xdel +smembers +sismember +xread +xgroup|destroy"

static const test_segctl *answer; /* of the newest doctor() */

static int set_up(void **state)
{
	test_rig_set_up_directory(state);
	test_rig_start("--appendonly yes");
	return 0;
}

__attribute__((format(printf, 1, 2))) static void command(const char *format, ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	test_rig_tell(text);
}

static void doctor_at(const char *address, const char *arguments, int exit_code)
{
	answer = test_segctl_do(address, "doctor --timeout 3s %s", arguments);
	if (answer->exit_code != exit_code)
		fail_msg("exit code %d, not %d:\n%s%s", answer->exit_code, exit_code, answer->output,
			 answer->errors);
}

static void doctor(const char *arguments, int exit_code)
{
	doctor_at(rig.server->address, arguments, exit_code);
}

/* As a user with these rights, and the password "geheim". */
static void doctor_as(const char *rights, const char *arguments, int exit_code)
{
	char address[256];
	command("ACL SETUSER someone reset on >geheim %s", rights);
	snprintf(address, sizeof(address), "unix://someone:geheim@%s", rig.server->socket);
	doctor_at(address, arguments, exit_code);
	assert_null(strstr(answer->output, "geheim"));
}

static void says(const char *text)
{
	test_expect_text(answer->output, text);
}

static void does_not_say(const char *text)
{
	if (strstr(answer->output, text))
		fail_msg("\"%s\" is in:\n%s", text, answer->output);
}

/* --- servers ------------------------------------------------------------------------------------ */

static void a_good_server_has_no_warning(void **state)
{
	(void)state;
	doctor("", EX_OK);
	says("ok   version      ");
	says("ok   mode         standalone");
	says("ok   role         master");
	says("ok   persistence  append-only file");
	says("ok   rights       the user may run all ");
	says("ok   streams      none in namespace \"default\"");
	does_not_say("warn ");
	does_not_say("fail ");
}

static void nothing_is_changed(void **state)
{
	(void)state;
	doctor("", EX_OK);
	redisReply *reply = test_server_command(rig.redis, "DBSIZE");
	assert_int_equal(reply->integer, 0);
	freeReplyObject(reply);
}

static void settings_that_lose_messages_or_connections_are_named(void **state)
{
	(void)state;
	command("CONFIG SET appendonly no");
	command("CONFIG SET timeout 20");
	command("CONFIG SET proto-max-bulk-len 1mb");
	doctor("", EX_OK);
	says("warn persistence  Redis keeps nothing on disk");
	says("warn idle timeout");
	says("warn message size proto-max-bulk-len is 1.0 MiB");
	command("CONFIG SET maxmemory 1gb maxmemory-policy allkeys-lru");
	doctor("", EX_CONFIG);
	says("fail eviction     maxmemory-policy is allkeys-lru");
}

static void too_few_replicas_for_writes_make_the_server_useless(void **state)
{
	(void)state;
	command("CONFIG SET min-replicas-to-write 1");
	doctor("", EX_UNAVAILABLE);
	says("fail replicas     min-replicas-to-write is 1, but 0 are in reach");
	says("warn streams      not looked at");
}

static void a_replica_names_its_master(void **state)
{
	(void)state;
	command("REPLICAOF 127.0.0.1 1");
	doctor("", EX_UNAVAILABLE);
	says("fail role         the server is a read-only replica: connect to its master, 127.0.0.1:1");
}

static void an_address_without_a_server_is_69(void **state)
{
	(void)state;
	doctor_at("unix:///nonexistent/redis.sock", "--timeout 200ms", EX_UNAVAILABLE);
	says("fail reached      cannot connect to unix:///nonexistent/redis.sock");
	assert_string_equal(answer->errors, "");
}

static void a_wrong_address_is_78(void **state)
{
	(void)state;
	doctor_at("http://x", "", EX_CONFIG);
	says("fail reached");
}

static void a_wrong_password_and_a_missing_one_are_77(void **state)
{
	(void)state;
	char address[256];
	snprintf(address, sizeof(address), "unix://default:falsch@%s", rig.server->socket);
	command("ACL SETUSER default >geheim");
	doctor_at(address, "", EX_NOPERM);
	says("check user and password_file");
	does_not_say("falsch");
	doctor("", EX_NOPERM);
	says("fail reached      the server requires a password; set password_file, or write the password into the address");
}

/* --- rights --------------------------------------------------------------------------------------- */

static void the_documented_rights_suffice(void **state)
{
	(void)state;
	doctor_as(KEYS " " RUNNER, "--for runner", EX_OK);
	says("ok   rights");
	says("warn streams      not looked at: cannot look for keys");
	doctor_as(KEYS " " PRODUCER, "--for producer", EX_OK);
	says("ok   rights");
	doctor_as(KEYS " " OPERATOR, "--for operator", EX_OK);
	says("ok   rights");
	does_not_say("warn ");
}

static void rights_of_segctl_alone_are_no_failure_unless_they_are_asked_for(void **state)
{
	(void)state;
	doctor_as(KEYS " " RUNNER, "", EX_OK);
	says("warn rights       the user may not run scan; without it, some commands of segctl fail");
	doctor_as(KEYS " " RUNNER, "--for operator", EX_NOPERM);
	says("fail rights       the user may not run scan: run ACL SETUSER with +scan");
}

static void the_rights_of_one_program_are_recognised(void **state)
{
	(void)state;
	doctor_as(KEYS " " PRODUCER, "", EX_NOPERM);
	says("ok   rights       the user may run all that a producer needs; `segctl doctor --for producer` tries only that");
	does_not_say("all that a runner needs");
	doctor_as("~* +@all -xgroup|create", "", EX_NOPERM);
	says("the user may run all that an operator needs; `segctl doctor --for operator` tries only that");
	does_not_say("all that a runner needs");
	says("all that a producer needs");
}

static void refused_info_and_config_are_a_warning_each(void **state)
{
	(void)state;
	doctor_as("~* +@all -info", "", EX_OK);
	says("warn answers      the server refuses INFO");
	says("grant +info");
	says("ok   version      ");
	says(", as HELLO says");
	doctor_as("~* +@all -config", "", EX_OK);
	says("warn answers      the server refuses CONFIG GET");
	says("grant +config|get");
	says("ok   memory");
}

static void each_missing_right_is_named(void **state)
{
	(void)state;
	doctor_as("~* +@all -xadd -hkeys -xgroup|setid -client|unblock", "", EX_NOPERM);
	says("fail rights       the user may not run xadd: run ACL SETUSER with +xadd");
	says("fail rights       the user may not run hkeys");
	says("fail rights       the user may not run xgroup|setid");
	says("warn rights       the user may not run client|unblock; without it, ");
	does_not_say("may not run hget");
}

static void keys_outside_the_pattern_are_named(void **state)
{
	(void)state;
	doctor_as("~__default:* +@all", "", EX_NOPERM);
	says("fail keys         the user may not read and write keys like {__default:any}:info");
	says("run ACL SETUSER with ~{__default:*");
	says("ok   rights");
	does_not_say("keys like __default:");
	doctor_as("~other +@all", "", EX_NOPERM);
	says("keys like __default:any:partition_0: run ACL SETUSER with ~__default:*");
}

static void scripts_are_needed(void **state)
{
	(void)state;
	doctor_as("~* +@all -evalsha", "", EX_NOPERM);
	says("fail scripts      the user may not run scripts");
	test_rig_start("--appendonly yes --rename-command evalsha nosuch");
	doctor("", EX_UNAVAILABLE);
	says("fail scripts      the server runs no scripts");
}

static void scripts_that_cannot_be_loaded_are_a_warning(void **state)
{
	(void)state;
	char address[256];
	command("ACL SETUSER someone reset on >geheim ~* +@all -script");
	snprintf(address, sizeof(address), "unix://someone:geheim@%s", rig.server->socket);
	answer = test_segctl_do(address, "doctor --timeout 3s");
	says("warn scripts      the user may not load scripts");
	says("ok   rights");
}

static void a_renamed_command_is_told_from_a_missing_right(void **state)
{
	(void)state;
	test_rig_start("--appendonly yes --rename-command xtrim nosuch");
	doctor("", EX_UNAVAILABLE);
	says("fail rights       the server has no command xtrim: look for rename-command");
}

/* --- streams -------------------------------------------------------------------------------------- */

static void a_partition_that_is_no_stream_is_78_and_named(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 3");
	command("HSET __default:s:partition_1 a b");
	doctor("", EX_CONFIG);
	says("fail stream       s: partition 1 cannot be used");
	says("__default:s:partition_1");
}

static void a_shape_that_cannot_be_read_is_named(void **state)
{
	(void)state;
	command("HSET {__default:s}:info partitions many");
	doctor("", EX_CONFIG);
	says("fail stream       ");
}

static void a_partition_that_is_nearly_full_is_named(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 1 -s 10");
	for (int i = 0; i < 9; i++)
		command("XADD __default:s:partition_0 * partitionKey k data d");
	doctor("", EX_OK);
	says("warn stream       s: partition 0 nearly full");
	says("new messages are refused");
	/* Room is made where every group has committed. */
	command("XGROUP CREATE __default:s:partition_0 g $ ENTRIESREAD 9");
	doctor("", EX_OK);
	says("ok   stream       s: 1 partition, 1 in use, 9 messages");
}

static void a_group_without_members_or_without_a_partition_is_named(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 3");
	command("SADD {__default:s}:groups g");
	command("XGROUP CREATE __default:s:partition_0 g 0 MKSTREAM");
	command("XADD __default:s:partition_2 * partitionKey k data d");
	doctor("", EX_OK);
	says("warn group        g of s: no live member, so nothing is handled");
	says("warn group        g of s: partition 2 without the group");
	command("ZADD {__default:s}:g:leases 9000000000000 alpha 1 dead");
	doctor("", EX_OK);
	says("ok   group        g of s: 1 live member (alpha)");
}

static void the_namespace_decides_which_keys_and_streams(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "-n shop stream create s -p 1");
	doctor("-n shop", EX_OK);
	says("ok   keys         those of namespace \"shop\"");
	says("ok   stream       s: ");
	doctor("", EX_OK);
	says("ok   streams      none");
}

static void machines_get_json_and_csv(void **state)
{
	(void)state;
	command("CONFIG SET appendonly no");
	doctor("-o json", EX_OK);
	json_t *findings = json_loads(answer->output, 0, NULL);
	assert_true(json_is_array(findings) && json_array_size(findings) > 10);
	const json_t *first = json_array_get(findings, 0);
	assert_string_equal(json_string_value(json_object_get(first, "level")), "ok");
	assert_string_equal(json_string_value(json_object_get(first, "check")), "reached");
	assert_true(json_is_null(json_object_get(first, "advice")));
	json_decref(findings);
	doctor("-o csv", EX_OK);
	says("level,check,found,advice");
	says("warn,persistence,");
}

/* --- segrunner --check --connect -------------------------------------------------------------------- */

static void write_config(const char *redis_section, const char *section)
{
	test_runner_free(rig.runner);
	rig.runner = test_runner_make("[redis]\n%s\n[consumer c]\nstream = s\ngroup = g\n"
				      "plugin = %s/tests/plugins/record.so\noption.path = /dev/null\n%s\n",
				      redis_section, test_build_directory(), section);
}

static void check_against(const char *section, int exit_code)
{
	char line[256];
	snprintf(line, sizeof(line), "address = %s", rig.server->address);
	write_config(line, section);
	test_runner_start(rig.runner, (const char *const[]){"--check", "--connect", "CONFIG", NULL});
	assert_int_equal(test_runner_wait(rig.runner), exit_code);
}

static void a_section_is_tried_against_its_stream(void **state)
{
	(void)state;
	check_against("", EX_CONFIG);
	test_runner_says(rig.runner, "good; 1 consumer");
	test_runner_says(rig.runner,
			 "fail consumer     [consumer c] stream s does not exist: add partitions = NUMBER");
	check_against("partitions = 4", EX_OK);
	test_runner_says(rig.runner, "segrunner will register it with 4 partitions");
	test_segctl_good(rig.server->address, "stream create s -p 2");
	check_against("partitions = 4", EX_CONFIG);
	test_runner_says(rig.runner, "fail consumer     [consumer c] stream s has 2 partitions");
	check_against("", EX_OK);
	test_runner_says(rig.runner, "ok   consumer     [consumer c] group g has no live member yet");
	command("ZADD {__default:s}:g:leases 9000000000000 alpha");
	check_against("", EX_OK);
	test_runner_says(rig.runner, "group g has 1 live member (alpha)");
	command("HSET __default:s:partition_0 a b");
	check_against("", EX_CONFIG);
	test_runner_says(rig.runner, "fail stream       s: partition 0 cannot be used");
}

static void a_section_s_outputs_are_tried(void **state)
{
	(void)state;
	const char *const two = "partitions = 2\noutputs = a, b\noutput.a.partitions = 3\n";
	test_segctl_good(rig.server->address, "stream create s -p 2");
	check_against(two, EX_CONFIG);
	test_runner_says(
		rig.runner,
		"ok   consumer     [consumer c] output a does not exist yet; segrunner will register "
		"it with 3 partitions");
	test_runner_says(rig.runner,
			 "fail consumer     [consumer c] output b does not exist: add output.b.partitions = "
			 "NUMBER to the section, or run segctl stream create b -p NUMBER");
	test_segctl_good(rig.server->address, "stream create a -p 2");
	test_segctl_good(rig.server->address, "stream create b -p 1");
	check_against(two, EX_CONFIG);
	test_runner_says(rig.runner,
			 "fail consumer     [consumer c] output a has 2 partitions of 1000000 messages");
	test_runner_says(rig.runner, "the section asks for 3 of 1000000");
	test_runner_says(rig.runner, "ok   consumer     [consumer c] output b exists, with 1 partition\n");
	command("SET __default:b:partition_0 x");
	check_against("partitions = 2\noutputs = a, b", EX_CONFIG);
	test_runner_says(rig.runner, "ok   consumer     [consumer c] output a exists, with 2 partitions");
	test_runner_says(rig.runner, "fail stream       b: partition 0 cannot be used");
}

static void a_stream_may_be_registered_by_a_section_before(void **state)
{
	(void)state;
	char later[512];
	snprintf(later, sizeof(later),
		 "partitions = 2\noutputs = a\noutput.a.partitions = 3\n[consumer d]\nstream = a\ngroup = g\n"
		 "plugin = %s/tests/plugins/record.so\noption.path = /dev/null\n",
		 test_build_directory());
	check_against(later, EX_OK);
	test_runner_says(rig.runner,
			 "[consumer d] stream a does not exist yet; [consumer c], which starts first, will "
			 "register it");
	snprintf(later, sizeof(later),
		 "partitions = 2\noutputs = a\n[consumer d]\nstream = a\npartitions = 1\ngroup = g\n"
		 "plugin = %s/tests/plugins/record.so\noption.path = /dev/null\n",
		 test_build_directory());
	check_against(later, EX_CONFIG);
	test_runner_says(rig.runner, "fail consumer     [consumer c] output a does not exist");
}

static void an_output_that_is_gone_is_named(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 2");
	test_segctl_good(rig.server->address, "stream create a -p 2");
	command("SADD {__default:s}:groups g");
	command("ZADD {__default:s}:g:leases 9000000000000 alpha");
	command("HSET {__default:s}:g:outputs a 1 gone 1 former 0");
	doctor("", EX_OK);
	says("warn group        g of s: its output gone does not exist");
	does_not_say("output a");
	does_not_say("former");
}

static void a_name_that_no_group_can_have_is_no_group(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 2");
	command("SADD {__default:s}:groups %s", "bad:name");
	doctor("", EX_OK);
	says("warn group        {__default:s}:groups of s has a name that no group can have");
	does_not_say("group delete");
}

static void a_runner_s_own_rights_suffice_to_check(void **state)
{
	(void)state;
	char line[256];
	command("ACL SETUSER someone reset on >geheim " KEYS " " RUNNER);
	snprintf(line, sizeof(line), "address = %s\nuser = someone\npassword = geheim", rig.server->address);
	test_segctl_good(rig.server->address, "stream create s -p 2");
	write_config(line, "");
	test_runner_start(rig.runner, (const char *const[]){"--check", "--connect", "CONFIG", NULL});
	assert_int_equal(test_runner_wait(rig.runner), EX_OK);
	assert_false(test_runner_has_said(rig.runner, "warn "));
	assert_false(test_runner_has_said(rig.runner, "geheim"));
}

static void ack_replicas_needs_replicas_and_the_right_to_wait(void **state)
{
	(void)state;
	char line[256];
	command("ACL SETUSER someone reset on >geheim ~* +@all -wait");
	snprintf(line, sizeof(line), "address = %s\nuser = someone\npassword = geheim\nack_replicas = 1",
		 rig.server->address);
	write_config(line, "partitions = 2");
	test_runner_start(rig.runner, (const char *const[]){"--check", "--connect", "CONFIG", NULL});
	assert_int_equal(test_runner_wait(rig.runner), EX_NOPERM);
	test_runner_says(rig.runner, "fail replicas     ack_replicas is 1, but 0 are in reach");
	test_runner_says(rig.runner,
			 "fail rights       the user may not run wait: run ACL SETUSER with +wait");
}

/* Where an error has its own advice, the doctor adds none. */
static void a_failure_to_connect_is_told_once_with_one_advice(void **state)
{
	(void)state;
	doctor_at("rediss://127.0.0.1:1", "--tls-ca-file /dev/null", EX_CONFIG);
	assert_string_equal(
		answer->output,
		"fail reached      tls_ca_file: /dev/null is not a regular file; name a PEM file\n");
	doctor_at("rediss://127.0.0.1:1", "--tls-ca-file /nonexistent.pem", EX_NOINPUT);
	assert_string_equal(answer->errors, "segctl: --tls-ca-file: there is no /nonexistent.pem\n");
	doctor_at("redis://user@host", "", EX_CONFIG);
	assert_string_equal(answer->output,
			    "fail reached      the Redis address names a user but no password; "
			    "write redis://user:password@host\n");
}

static void a_wrong_file_is_not_tried(void **state)
{
	(void)state;
	check_against("batch_sise = 3", EX_CONFIG);
	assert_false(test_runner_has_said(rig.runner, "reached"));
}

static int run_segrunner(const char *a, const char *b, const char *c)
{
	test_runner_start(rig.runner, (const char *const[]){a, b, c, NULL});
	return test_runner_wait(rig.runner);
}

static void connect_belongs_to_check(void **state)
{
	(void)state;
	check_against("partitions = 1", EX_OK);
	assert_int_equal(run_segrunner("--check", "CONFIG", "--connect"), EX_OK);
	test_runner_says(rig.runner, "ok   reached");
	assert_int_equal(run_segrunner("-c", "CONFIG", "--connect"), EX_USAGE);
	test_runner_says(rig.runner, "--connect belongs to --check");
	assert_int_equal(run_segrunner("--connect", "CONFIG", NULL), EX_USAGE);
	assert_int_equal(run_segrunner("--check", NULL, NULL), EX_USAGE);
	test_runner_says(rig.runner, "--check needs a file");
	assert_int_equal(run_segrunner("--check", "--connect", NULL), EX_USAGE);
	assert_int_equal(run_segrunner("--check", "CONFIG", "CONFIG"), EX_USAGE);
}

static void an_embedded_redis_that_does_not_run_is_named(void **state)
{
	(void)state;
	write_config("address = embedded\ndirectory = data", "partitions = 1");
	assert_int_equal(run_segrunner("--check", "--connect", "CONFIG"), EX_UNAVAILABLE);
	test_runner_says(rig.runner, "fail reached      the embedded Redis's directory");
}

/* --- replies of other types ------------------------------------------------------------------------- */

static void no_reply_of_another_type_crashes_it(void **state)
{
	(void)state;
	static const test_fault faults[] = {TEST_FAULT_WRONG_TYPE, TEST_FAULT_NIL, TEST_FAULT_NOISE,
					    TEST_FAULT_CUT, TEST_FAULT_NEGATIVE};
	test_segctl_good(rig.server->address, "stream create s -p 2");
	command("SADD {__default:s}:groups g");
	command("XGROUP CREATE __default:s:partition_0 g 0 MKSTREAM");
	test_fake_server *fake = test_fake_server_start(rig.server);
	test_fake_server_arm(fake, &(test_fake_plan){.fault = TEST_FAULT_NONE});
	unsigned long before = test_fake_server_commands(fake);
	doctor_at(test_fake_server_address(fake), "", EX_OK);
	unsigned replies = (unsigned)(test_fake_server_commands(fake) - before);
	assert_true(replies > 20);
	for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
		for (unsigned at = 0; at < replies; at++) {
			test_fake_server_arm(fake,
					     &(test_fake_plan){.fault = faults[f], .seed = at, .at = at});
			answer = test_segctl_do(test_fake_server_address(fake), "doctor --timeout 300ms");
			if (answer->exit_code < 0 || answer->exit_code == EX_SOFTWARE)
				fail_msg("%s at %u: %d: %s", test_fault_name(faults[f]), at,
					 answer->exit_code, answer->errors);
		}
	}
	test_fake_server_stop(fake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_server_has_no_warning),
		TEST(nothing_is_changed),
		TEST(settings_that_lose_messages_or_connections_are_named),
		TEST(too_few_replicas_for_writes_make_the_server_useless),
		TEST(a_replica_names_its_master),
		TEST(an_address_without_a_server_is_69),
		TEST(a_wrong_address_is_78),
		TEST(a_wrong_password_and_a_missing_one_are_77),
		TEST(the_documented_rights_suffice),
		TEST(rights_of_segctl_alone_are_no_failure_unless_they_are_asked_for),
		TEST(the_rights_of_one_program_are_recognised),
		TEST(refused_info_and_config_are_a_warning_each),
		TEST(each_missing_right_is_named),
		TEST(keys_outside_the_pattern_are_named),
		TEST(scripts_are_needed),
		TEST(scripts_that_cannot_be_loaded_are_a_warning),
		TEST(a_renamed_command_is_told_from_a_missing_right),
		TEST(a_partition_that_is_no_stream_is_78_and_named),
		TEST(a_shape_that_cannot_be_read_is_named),
		TEST(a_partition_that_is_nearly_full_is_named),
		TEST(a_group_without_members_or_without_a_partition_is_named),
		TEST(the_namespace_decides_which_keys_and_streams),
		TEST(machines_get_json_and_csv),
		TEST(a_section_is_tried_against_its_stream),
		TEST(a_section_s_outputs_are_tried),
		TEST(a_stream_may_be_registered_by_a_section_before),
		TEST(an_output_that_is_gone_is_named),
		TEST(a_name_that_no_group_can_have_is_no_group),
		TEST(a_runner_s_own_rights_suffice_to_check),
		TEST(ack_replicas_needs_replicas_and_the_right_to_wait),
		TEST(a_failure_to_connect_is_told_once_with_one_advice),
		TEST(a_wrong_file_is_not_tried),
		TEST(connect_belongs_to_check),
		TEST(an_embedded_redis_that_does_not_run_is_named),
		TEST(no_reply_of_another_type_crashes_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
