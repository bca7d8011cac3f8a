/*
 * test_rights.c - the rights that `segctl acl` prints suffice, and none is too many: everything runs under a user with
 * exactly these rights, and the commands that the server has seen are compared with those that were granted.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/http.h"
#include "harness/rig.h"
#include "harness/segctl.h"

enum { PATIENCE_MS = 20000, NAMES_MAX = 128, LINE_SIZE = 4096, PARTITIONS = 2 };

/* Granted, but used only with what a single server is not: a cluster, Sentinels, replicas. */
static const char *const elsewhere[] = {"role",         "wait",   "cluster|slots",
					"cluster|info", "asking", "client|tracking",
					"subscribe",    NULL};

/* What this test sends for itself, and what needs no right. */
static const char *const not_granted[] =
	{"auth", "hello", "ping", "acl|setuser", "acl|log", "acl|help", "config|resetstat", "monitor", NULL};

typedef struct {
	char list[NAMES_MAX][40];
	size_t count;
} names;

static char address[160]; /* with the user and the password */
static names granted, used;

static int set_up(void **state)
{
	test_rig_set_up_directory(state);
	test_rig_start("--acllog-max-len 32");
	granted.count = used.count = 0;
	return 0;
}

/* --- sets of commands -------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

static bool has(const names *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->list[i], name) == 0)
			return true;
	return false;
}

static void put(names *set, const char *name, size_t length)
{
	char copy[40];
	snprintf(copy, sizeof(copy), "%.*s", (int)length, name);
	if (has(set, copy))
		return;
	assert_true(set->count < NAMES_MAX);
	strcpy(set->list[set->count++], copy);
}

/* Makes the user that `segctl acl` describes, and logs in as it from now on. */
static void grant(const char *role)
{
	const char *argv[NAMES_MAX + 2];
	char line[LINE_SIZE];
	int argc = 0;
	snprintf(line, sizeof(line), "%s", test_segctl_good(NULL, "acl %s --user app -n shop", role));
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
		assert_true(argc < NAMES_MAX);
		argv[argc++] = word;
		if (*word == '+')
			put(&granted, word + 1, strlen(word + 1));
	}
	argv[argc++] = ">pw";
	redisReply *reply = redisCommandArgv(rig.redis, argc, argv, NULL);
	assert_non_null(reply);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s", reply->str);
	freeReplyObject(reply);
	snprintf(address, sizeof(address), "unix://app:pw@%s", rig.server->socket);
}

/* From now on, the server counts only what the user runs. */
static void watch(void)
{
	test_rig_tell("CONFIG RESETSTAT");
}

/* Adds what the server has counted to what was used. */
static void note(void)
{
	redisReply *reply = test_server_command(rig.redis, "INFO commandstats");
	for (const char *line = reply->str; (line = strstr(line, "cmdstat_")); line++) {
		const char *name = line + strlen("cmdstat_");
		const char *calls = strstr(name, ":calls=");
		assert_non_null(calls);
		if (strncmp(calls, ":calls=0,", 9) != 0)
			put(&used, name, (size_t)(calls - name));
	}
	freeReplyObject(reply);
}

/* Except PING: segctl doctor takes a refusal for an answer. */
static void nothing_was_denied(void)
{
	redisReply *reply = test_server_command(rig.redis, "ACL LOG");
	assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
	char text[1024] = "";
	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *entry = reply->element[i];
		for (size_t f = 0; f + 1 < entry->elements; f += 2)
			if (strcmp(entry->element[f]->str, "object") == 0 &&
			    strcmp(entry->element[f + 1]->str, "ping") != 0)
				snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
					 entry->element[f + 1]->str);
	}
	freeReplyObject(reply);
	if (*text)
		fail_msg("missing rights:%s", text);
}

static void exactly_what_was_granted_was_used(void)
{
	char text[2048] = "";
	nothing_was_denied();
	for (size_t i = 0; i < granted.count; i++)
		if (!has(&used, granted.list[i]) && !is_one_of(granted.list[i], elsewhere))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " too many: %s;",
				 granted.list[i]);
	for (size_t i = 0; i < used.count; i++)
		if (!has(&granted, used.list[i]) && !is_one_of(used.list[i], not_granted))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " not granted: %s;",
				 used.list[i]);
	if (*text)
		fail_msg("%s", text);
}

/* --- what a runner does ------------------------------------------------------------------- */

static void run(int i, const char *name)
{
	test_runner_free(rig.runners[i]);
	rig.runners[i] = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = %s\nnamespace = shop\nadmin = 127.0.0.1:0\n"
		"[consumer c]\nstream = s\ngroup = g\npartitions = %d\nplugin = %s/tests/plugins/record.so\n"
		"outputs = out\noutput.out.partitions = 1\n"
		"session_timeout = 500ms\nretry_backoff = 1ms\nmax_attempts = 2\n"
		"dead_letter_limit = 1\noption.path = %s\n"
		"option.fail = fail*\noption.dead_letter = refuse*\noption.crash = crash*\n"
		"option.block_file = %s\n",
		address, name, PARTITIONS, test_build_directory(), rig.deliveries, rig.block);
}

static bool was_handled(void *arg)
{
	bool found = false;
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	for (size_t i = 0; i < deliveries.count; i++)
		found |= strcmp(deliveries.list[i].data, arg) == 0;
	test_deliveries_free(&deliveries);
	return found;
}

static bool has_handled_or_ended(void *arg)
{
	if (was_handled(arg))
		return true;
	if (waitpid(rig.runners[0]->pid, &rig.runners[0]->status, WNOHANG) != rig.runners[0]->pid)
		return false;
	rig.runners[0]->pid = 0;
	assert_true(WIFSIGNALED(rig.runners[0]->status));
	return true;
}

static void wait_handled(char *data)
{
	test_wait_until(was_handled, data, PATIENCE_MS, data);
}

/* Adds a message as another program does that nobody watches. */
static void add(int partition, const char *data)
{
	char command[128];
	snprintf(command, sizeof(command), "XADD __shop:s:partition_%d * partitionKey k data %s", partition,
		 data);
	test_rig_tell(command);
}

/* Somebody has read with XREADGROUP before, and has not acknowledged. */
static void leave_something_pending(void)
{
	add(0, "pending");
	test_rig_tell("XGROUP CREATE __shop:s:partition_0 g 0");
	test_rig_tell("XREADGROUP GROUP g somebody COUNT 1 STREAMS __shop:s:partition_0 >");
}

/* The two dead letters of partition 0 are one more than its limit. */
static bool has_dropped_a_letter(void *arg)
{
	(void)arg;
	redisReply *reply =
		test_server_command(rig.redis, "HGET {__shop:s:partition_0}:g:state letters_dropped");
	bool dropped = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "1") == 0;
	freeReplyObject(reply);
	return dropped;
}

static void retry_dead_letter_and_crash(void)
{
	add(0, "fail");
	add(0, "refuse");
	add(1, "crash");
	add(1, "after-crash");
	test_rig_tell("HSET {__shop:s}:g:outputs former 1"); /* its option had another stream before */
	test_rig_tell(
		"HSET {__shop:s:partition_0}:g:values p:name value"); /* of an earlier owner's handler */
	watch();
	for (int tries = 0; !was_handled("after-crash"); tries++) {
		assert_true(tries < 8);
		run(0, "a");
		test_wait_until(has_handled_or_ended, "after-crash", PATIENCE_MS, "the crash is overcome");
	}
	test_wait_until(has_dropped_a_letter, NULL, PATIENCE_MS, "a dead letter makes room");
	note();
}

static void rebalance_and_hand_over(void)
{
	watch();
	run(1, "b");
	test_runner_says(rig.runners[1], "member b now has 1 of 2 partitions");
	test_runner_says(rig.runners[0], "member a now has 1 of 2 partitions");
	test_http_answer answer = test_http_get(test_http_port(rig.runners[0]), "/metrics");
	assert_non_null(strstr(answer.body, "segmenter_"));
	test_http_free(&answer);
	assert_int_equal(test_runner_stop(rig.runners[1], SIGTERM), EX_OK);
	test_runner_says(rig.runners[0], "member a now has 2 of 2 partitions");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	note();
}

/* A lease that is gone while its member is not, and messages that were removed unread. */
static void repair_what_others_did(void)
{
	add(0, "removed-1");
	add(0, "removed-2");
	add(0, "kept");
	test_rig_tell("XTRIM __shop:s:partition_0 MAXLEN 1");
	test_rig_tell("HSET {__shop:s}:g:members nobody 1");
	watch();
	run(0, "a");
	wait_handled("kept");
	test_runner_says(rig.runners[0], "messages were removed before this group had read them");
	kill(rig.runners[0]->pid, SIGKILL);
	test_runner_wait(rig.runners[0]);
	run(0, "a");
	test_runner_says(rig.runners[0], "; owned from now on: ");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	note();
}

static seg_client *open_client(void)
{
	seg_client_options options;
	seg_client *client;
	seg_error error;
	seg_client_options_init(&options);
	options.address = address;
	options.name_space = "shop";
	if (seg_client_open(&options, &client, &error))
		fail_msg("%s", error.text);
	return client;
}

static void pull_and_dead_letter(void)
{
	seg_error error = {0};
	const seg_batch *batch = NULL;
	seg_consumer *consumer;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "puller";
	seg_client *client = open_client();
	if (seg_consumer_open(client, "s", &options, &consumer, &error) ||
	    seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
		fail_msg("%s", error.text);
	if (seg_consumer_dead_letter(consumer, batch, 0, "not wanted", &error) ||
	    seg_consumer_commit(consumer, batch, batch->count, &error))
		fail_msg("%s", error.text);
	seg_consumer_release(consumer, batch);
	if (seg_consumer_close(consumer, PATIENCE_MS, &error))
		fail_msg("%s", error.text);
	seg_client_close(client);
}

static void check_the_connection(void)
{
	test_runner_start(rig.runners[0], (const char *const[]){"--check", "--connect", "CONFIG", NULL});
	assert_int_equal(test_runner_wait(rig.runners[0]), EX_OK);
}

static void a_runner_and_a_consumer_use_exactly_the_rights_of_a_runner(void **state)
{
	(void)state;
	grant("runner");
	leave_something_pending();
	retry_dead_letter_and_crash();
	rebalance_and_hand_over();
	repair_what_others_did();
	watch();
	pull_and_dead_letter();
	check_the_connection();
	note();
	exactly_what_was_granted_was_used();
}

/* --- what a producer does -------------------------------------------------------------------- */

static seg_stream *register_stream(seg_client *client, const char *name, seg_overflow overflow,
				   seg_packing packing)
{
	seg_error error;
	seg_stream *stream;
	seg_stream_shape shape = {.partitions = 1,
				  .partition_size = 10,
				  .overflow = overflow,
				  .packing = packing};
	if (seg_stream_register(client, name, &shape, &stream, &error))
		fail_msg("%s", error.text);
	return stream;
}

static seg_record record_of(const char *data)
{
	return (seg_record){.key = "k", .key_length = 1, .data = data, .data_length = strlen(data)};
}

/* More than fits: what the group has handled is removed. */
static void send_to(seg_stream *stream)
{
	seg_error error = {0};
	seg_producer *producer;
	seg_record record = record_of("data");
	for (int i = 0; i < 8; i++)
		if (seg_stream_send(stream, &record, NULL, &error))
			fail_msg("%s", error.text);
	if (seg_producer_open(stream, NULL, &producer, &error))
		fail_msg("%s", error.text);
	for (int i = 0; i < 8; i++)
		if (seg_producer_send(producer, &record, NULL, &error))
			fail_msg("%s", error.text);
	if (seg_producer_close(producer, PATIENCE_MS, &error))
		fail_msg("%s", error.text);
}

/* A group, and a message that somebody has read and not acknowledged. */
static void add_a_group(const char *stream)
{
	char command[128];
	snprintf(command, sizeof(command), "XGROUP CREATE __shop:%s:partition_0 g 0 MKSTREAM", stream);
	test_rig_tell(command);
	snprintf(command, sizeof(command), "XADD __shop:%s:partition_0 1-1 partitionKey k data d", stream);
	test_rig_tell(command);
	snprintf(command, sizeof(command), "XREADGROUP GROUP g somebody STREAMS __shop:%s:partition_0 >",
		 stream);
	test_rig_tell(command);
}

static void a_producer_uses_exactly_the_rights_of_a_producer(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		seg_overflow overflow;
		seg_packing packing;
	} streams[] = {
		{"plain", SEG_OVERFLOW_DROP_OLDEST, SEG_PACKING_OFF},
		{"packed", SEG_OVERFLOW_DROP_OLDEST, SEG_PACKING_ON},
	};
	grant("producer");
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		add_a_group(streams[i].name);
		watch();
		seg_client *client = open_client();
		seg_stream *stream =
			register_stream(client, streams[i].name, streams[i].overflow, streams[i].packing);
		send_to(stream);
		seg_stream_close(stream);
		seg_client_close(client);
		note();
	}
	exactly_what_was_granted_was_used();
}

/* --- what an operator does --------------------------------------------------------------------- */

static void good(const char *command)
{
	const test_segctl *answer = test_segctl_do(address, "%s -n shop", command);
	if (answer->exit_code != EX_OK)
		fail_msg("segctl %s: %s%s", command, answer->output, answer->errors);
}

static void send_lines(const char *lines, const char *command)
{
	const test_segctl *answer = test_segctl_run(address, lines, command);
	if (answer->exit_code != EX_OK)
		fail_msg("%s: %s", command, answer->errors);
}

static void show_top(void)
{
	int terminal;
	pid_t pid = test_segctl_start_on_terminal(address, "top -n shop", &terminal);
	test_terminal_shows(terminal, "GROUP");
	assert_int_equal(write(terminal, "q", 1), 1);
	int status;
	waitpid(pid, &status, 0);
	close(terminal);
	assert_int_equal(status, 0);
}

static void follow_a_stream(void)
{
	int output;
	char byte;
	pid_t pid = test_segctl_start(address, "tail s --follow --last 1 -n shop", &output);
	assert_int_equal(read(output, &byte, 1), 1);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(output);
}

static void segctl_uses_exactly_the_rights_of_an_operator(void **state)
{
	(void)state;
	static const char *const before_the_group[] = {
		"stream create s -p 2",
		"stream create small -p 1 --partition-size 5 --overflow drop-oldest",
		"stream create packed -p 1 --partition-size 1000 --packing on",
		"stream list",
	};
	static const char *const with_the_group[] = {
		"stream describe s",
		"group list s",
		"group describe s g",
		"lag s g",
		"why s g 0",
		"tail s --last 2",
		"tail s --from earliest",
		"dlq list s g",
		"state list s g",
		"reset s g --to earliest --yes",
		"reset s g --shift 1 -y",
		"reset packed g --to 5-0 -y",
		"dlq replay s g -y -k k",
		"dlq drop s g -y",
		"group delete s g -y",
		"doctor --for operator",
		"stream delete s -y",
	};
	grant("operator");
	watch();
	for (size_t i = 0; i < sizeof(before_the_group) / sizeof(before_the_group[0]); i++)
		good(before_the_group[i]);
	send_lines("1\n2\nrefuse\n", "send s --key k -n shop");
	send_lines("refuse\n", "send s --key q -n shop");
	send_lines("1\n2\n3\n4\n5\n6\n7\n", "send small --key k -n shop");
	send_lines("1\n2\n", "send packed --key k -n shop");
	note();
	/* A runner of full rights makes a group, dead letters, and something pending. Nobody watches. */
	char as_operator[160];
	snprintf(as_operator, sizeof(as_operator), "%s", address);
	snprintf(address, sizeof(address), "%s", rig.server->address);
	leave_something_pending();
	run(0, "a");
	wait_handled("pending");
	snprintf(address, sizeof(address), "%s", as_operator);
	good("reset s g --to earliest --force --yes");
	nothing_was_denied();
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	test_rig_tell("XGROUP SETID __shop:s:partition_0 g 0");
	test_rig_tell("XREADGROUP GROUP g somebody COUNT 1 STREAMS __shop:s:partition_0 >");
	test_rig_tell("XGROUP CREATE __shop:packed:partition_0 g 0");
	test_rig_tell("SADD {__shop:packed}:groups g");
	watch();
	show_top();
	follow_a_stream();
	for (size_t i = 0; i < sizeof(with_the_group) / sizeof(with_the_group[0]); i++)
		good(with_the_group[i]);
	note();
	exactly_what_was_granted_was_used();
}

/* --- the command line ------------------------------------------------------------------------------ */

static const char *acl(const char *arguments)
{
	return test_segctl_good(NULL, "acl %s", arguments);
}

static void acl_names_the_user_the_namespace_and_the_database(void **state)
{
	(void)state;
	test_expect_text(acl("runner"), "ACL SETUSER runner on resetkeys ~__default:* ~{__default:* ");
	test_expect_text(acl("producer --user shop.app -n shop"),
			 "ACL SETUSER shop.app on resetkeys ~__shop:* ");
	assert_null(strstr(acl("operator"), "+select"));
	test_expect_text(acl("operator -a redis://nowhere.invalid/3"), " +select ");
	test_expect_text(acl("runner -a redis://app:secret@nowhere.invalid"), "ACL SETUSER app on ");
	test_expect_text(acl("runner -a redis://app:secret@nowhere.invalid --user other"),
			 "SETUSER other on ");
	test_expect_text(acl("runner -o json"), "\"rules\": \"on resetkeys ");
}

static void several_roles_have_the_rights_of_all(void **state)
{
	(void)state;
	const char *line = acl("runner producer");
	test_expect_text(line, "ACL SETUSER runner ");
	test_expect_text(line, " +xread ");
	test_expect_text(line, " +xtrim ");
}

static void is_misuse(const char *arguments, const char *part)
{
	const test_segctl *answer = test_segctl_do(NULL, "acl %s", arguments);
	assert_int_equal(answer->exit_code, EX_USAGE);
	assert_string_equal(answer->output, "");
	test_expect_text(answer->errors, part);
}

static void acl_prints_nothing_that_would_not_be_one_line_for_one_user(void **state)
{
	(void)state;
	is_misuse("", "too few arguments");
	is_misuse("admin", "there is no role \"admin\"; write runner, producer or operator");
	is_misuse("runner --user 'a b'", "the user \"a b\"");
	is_misuse("runner --user ''", "the user \"\"");
	is_misuse("runner -n 'a*'", "namespace");
	is_misuse("runner -a http://x", "address");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_runner_and_a_consumer_use_exactly_the_rights_of_a_runner),
		TEST(a_producer_uses_exactly_the_rights_of_a_producer),
		TEST(segctl_uses_exactly_the_rights_of_an_operator),
		cmocka_unit_test(acl_names_the_user_the_namespace_and_the_database),
		cmocka_unit_test(several_roles_have_the_rights_of_all),
		cmocka_unit_test(acl_prints_nothing_that_would_not_be_one_line_for_one_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
