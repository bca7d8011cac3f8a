/*
 * test_poison.c - messages that always fail, that kill their process, or that are no messages of this
 * library. Each is tried as often as allowed, in its place. Then it becomes a dead letter that explains why,
 * and the next messages are handled.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/deaths.h"
#include "harness/group.h"
#include "harness/rig.h"

enum { PARTITIONS = 4, MESSAGES = 20 };

/* Where a lease ends on a slow machine, messages are handled again. So it is short only where a next process waits for its end. */
static const char *session_timeout;

/* A group of processes that may use so much memory together: the kernel kills one that needs more. */
static char cage[64];

static bool write_number(const char *name, long long number)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", cage, name);
	FILE *file = fopen(path, "w");
	if (!file)
		return false;
	fprintf(file, "%lld", number);
	return fclose(file) == 0;
}

/* False: this system lets nobody make one. */
static bool make_cage(long long bytes)
{
	static const struct {
		const char *parent, *limit;
	} kinds[] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(cage, sizeof(cage), "%s/seg-test-%d", kinds[i].parent, (int)getpid());
		if (mkdir(cage, 0700) == 0 && write_number(kinds[i].limit, bytes))
			return true;
		rmdir(cage);
	}
	cage[0] = '\0';
	return false;
}

static int set_up(void **state)
{
	session_timeout = "10s";
	test_rig_set_up(state);
	return 0;
}

static void run(const char *more)
{
	test_runner_free(rig.runner);
	rig.runner = NULL;
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = only\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\nsession_timeout = %s\nretry_backoff = 1ms\n"
		"option.path = %s\n%s\n",
		rig.server->address, test_build_directory(), session_timeout, rig.deliveries, more);
	if (cage[0])
		assert_true(write_number("cgroup.procs", rig.runner->pid));
}

/* Sends "<partition>.0" to "<partition>.19" to each partition, under one key per partition; returns the key of partition 0. */
static const char *send_messages(void)
{
	test_rig_register("s", &(seg_stream_shape){.partitions = PARTITIONS, .partition_size = 1000});
	for (uint32_t p = 0; p < PARTITIONS; p++)
		for (int n = 0; n < MESSAGES; n++) {
			char data[16];
			snprintf(data, sizeof(data), "%u.%d", p, n);
			test_rig_send(test_rig_key(p, PARTITIONS), data);
		}
	test_rig_close_client();
	return test_rig_key(0, PARTITIONS);
}

static void wait_drained(void)
{
	test_group_wait_drained(rig.server->address, "s", "g");
}

/*
 * The messages that partition 0's handlers got, in order, as "0.0 0.1 0.2/2": an attempt above 1 follows the
 * slash.
 */
static const char *handled_in_partition_0(void)
{
	static char text[4096];
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < deliveries.count && used < sizeof(text) - 80; i++) {
		const test_delivery *d = &deliveries.list[i];
		if (d->partition != 0)
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "", d->data);
		if (d->attempt > 1)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "/%" PRIu32, d->attempt);
	}
	test_deliveries_free(&deliveries);
	return text;
}

static size_t handled_in_others(void)
{
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t others = 0;
	for (size_t i = 0; i < deliveries.count; i++)
		others += deliveries.list[i].partition != 0;
	test_deliveries_free(&deliveries);
	return others;
}

/* How many messages the handlers of the other partitions got; each message exactly once. */
static void assert_others_were_handled_once(void)
{
	assert_int_equal(handled_in_others(), (PARTITIONS - 1) * MESSAGES);
}

/* A field of the only dead letter of partition 0, valid until the next call. */
static const char *letter(const char *field)
{
	static redisReply *reply;
	if (reply)
		freeReplyObject(reply);
	reply = test_server_command(rig.redis, "XRANGE {__default:s:partition_0}:g:dead - +");
	assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
	assert_int_equal(reply->elements, 1);
	const redisReply *fields = reply->element[0]->element[1];
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (strcmp(fields->element[i]->str, field) == 0)
			return fields->element[i + 1]->str;
	fail_msg("the dead letter has no field %s", field);
	return NULL;
}

/* --- messages that fail ------------------------------------------------------------------------- */

static void a_message_that_fails_twice_is_handled_at_the_third_attempt_and_in_its_place(void **state)
{
	(void)state;
	send_messages();
	run("option.fail = 0.3\noption.fail_times = 2\nbatch_size = 4");
	wait_drained();
	assert_string_equal(
		handled_in_partition_0(),
		"0.0 0.1 0.2 0.3 0.3/2 0.3/3 0.4 0.5 0.6 0.7 0.8 0.9 0.10 0.11 0.12 0.13 0.14 0.15 "
		"0.16 0.17 0.18 0.19");
	assert_others_were_handled_once();
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
}

static void a_message_that_always_fails_becomes_a_dead_letter_that_tells_all(void **state)
{
	(void)state;
	const char *key = send_messages();
	run("option.fail = 0.3\nmax_attempts = 3\nbatch_size = 4");
	wait_drained();
	assert_string_equal(
		handled_in_partition_0(),
		"0.0 0.1 0.2 0.3 0.3/2 0.3/3 0.4 0.5 0.6 0.7 0.8 0.9 0.10 0.11 0.12 0.13 0.14 0.15 "
		"0.16 0.17 0.18 0.19");
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 1);
	assert_non_null(strstr(letter("reason"), "told to fail"));
	assert_string_equal(letter("attempts"), "3");
	assert_string_equal(letter("handler"), "record");
	assert_string_equal(letter("partitionKey"), key);
	assert_string_equal(letter("data"), "0.3");
	const char *id = letter("id");
	redisReply *original = test_server_command(rig.redis, "XRANGE __default:s:partition_0 %s %s", id, id);
	assert_int_equal(original->elements, 1);
	freeReplyObject(original);
}

static void a_message_the_handler_gives_up_is_a_dead_letter_at_once(void **state)
{
	(void)state;
	send_messages();
	run("option.dead_letter = 0.3");
	wait_drained();
	assert_string_equal(letter("reason"), "told to dead-letter");
	assert_string_equal(letter("attempts"), "1");
	assert_others_were_handled_once();
}

static bool was_tried_ten_times_and_others_are_handled(void *arg)
{
	(void)arg;
	return strstr(handled_in_partition_0(), "0.3/10") &&
	       handled_in_others() >= (PARTITIONS - 1) * MESSAGES;
}

static void without_a_limit_a_failing_message_holds_its_partition_and_no_other(void **state)
{
	(void)state;
	send_messages();
	run("option.fail = 0.3\nmax_attempts = 0\nretry_backoff_max = 2ms");
	test_wait_until(was_tried_ten_times_and_others_are_handled, NULL, 20000,
			"ten attempts, and the others' messages");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	assert_null(strstr(handled_in_partition_0(), "0.4"));
	assert_others_were_handled_once();
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
	/* With a mended plugin, the partition continues where it stood. */
	run("");
	wait_drained();
	assert_non_null(strstr(handled_in_partition_0(), "0.3 0.4 0.5"));
}

static void an_answer_that_says_stop_ends_the_runner_with_69_at_that_message(void **state)
{
	(void)state;
	send_messages();
	run("option.stop = 0.3");
	assert_int_equal(test_runner_wait(rig.runner), EX_UNAVAILABLE);
	test_runner_says(rig.runner, "plugin record cannot continue at message ");
	test_runner_says(rig.runner, ": told to stop");
	assert_string_equal(handled_in_partition_0(), "0.0 0.1 0.2 0.3");
	run("");
	wait_drained();
	assert_non_null(strstr(handled_in_partition_0(), "0.2 0.3 0.3 0.4"));
}

/* --- messages that kill ---------------------------------------------------------------------------- */

/* Runs one process after the other until the deadly message is given up. Returns how many it killed. */
static int deaths_until_given_up(const char *max_attempts)
{
	session_timeout = "500ms";
	for (int deaths = 0;; deaths++) {
		run(max_attempts);
		if (!test_runner_dies(rig.runner, rig.server->address, "s", "g"))
			return deaths;
		assert_in_range(deaths, 0, 6);
	}
}

static void kills_so_many(const char *max_attempts, int expected)
{
	char attempts[8];
	send_messages();
	assert_int_equal(deaths_until_given_up(max_attempts), expected);
	wait_drained();
	snprintf(attempts, sizeof(attempts), "%d", expected);
	assert_string_equal(letter("attempts"), attempts);
	assert_non_null(strstr(letter("reason"), "the process died"));
	assert_string_equal(letter("data"), "0.3");
	assert_non_null(strstr(handled_in_partition_0(), "0.4 0.5 0.6 0.7 0.8 0.9 0.10"));
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	/* Only the message that kills became a dead letter. */
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 1);
}

static void a_message_that_kills_its_process_does_so_max_attempts_times_and_its_letter_says_so(void **state)
{
	(void)state;
	kills_so_many("option.crash = 0.3\nmax_attempts = 3", 3);
}

static void with_two_attempts_a_message_kills_two_processes(void **state)
{
	(void)state;
	kills_so_many("option.crash = 0.3\nmax_attempts = 2", 2);
}

/* The first death does not tell which message is to blame. */
static void with_one_attempt_a_message_kills_two_processes_because_it_must_be_found(void **state)
{
	(void)state;
	kills_so_many("option.crash = 0.3\nmax_attempts = 1", 2);
}

/* Its owner marked the message, was stopped before the handler began with it, and so nobody has died. */
static void a_message_that_an_owner_had_marked_is_handled_alone_and_the_log_says_why(void **state)
{
	(void)state;
	send_messages();
	run("");
	wait_drained();
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	send_messages();
	redisReply *last = test_server_command(rig.redis, "XREVRANGE __default:s:partition_0 + - COUNT 1");
	test_rig_tell("HSET {__default:s:partition_0}:g:state suspect %s", last->element[0]->element[0]->str);
	freeReplyObject(last);
	run("");
	test_runner_says(rig.runner,
			 "a message of this partition may have killed an owner, and is not handled yet");
	wait_drained();
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
	assert_false(test_runner_has_said(rig.runner, "in a row"));
}

/* As if two owners had died before they handled anything, and a third one while it read the first entry. */
static void an_entry_that_kills_its_readers_is_a_dead_letter_and_is_not_read_again(void **state)
{
	(void)state;
	send_messages();
	test_rig_tell("XGROUP CREATE __default:s:partition_0 g 0");
	test_rig_tell(
		"HSET {__default:s:partition_0}:g:state epoch 3 nonce x owner dead clean 0 claimed 0-0 crashes 2 "
		"position 0-0 count 0 reading 0-0 read_deaths 2 reader 3");
	run("max_attempts = 3");
	wait_drained();
	assert_string_equal(letter("attempts"), "3");
	assert_string_equal(letter("data"), "0.0");
	assert_non_null(strstr(letter("reason"), "died each time this entry was read"));
	assert_ptr_equal(strstr(handled_in_partition_0(), "0.1 0.2 0.3"), handled_in_partition_0());
	assert_others_were_handled_once();
}

/* --- entries that kill their reader ---------------------------------------------------------------- */

static bool is_removed(void *arg)
{
	(void)arg;
	return rmdir(cage) == 0;
}

static int tear_down_cage(void **state)
{
	test_rig_tear_down(state);
	if (cage[0])
		test_wait_until(is_removed, NULL, 20000, "the kernel has let go of the killed processes");
	cage[0] = '\0';
	return 0;
}

/* The size of 512 MiB, and an LZ4 block of one byte that is repeated that often. */
static void add_what_unpacks_to_512_mib(void)
{
	static const unsigned char head[] = {0x80, 0x80, 0x80, 0x80, 2, 0x1f, 0, 1, 0};
	size_t repeats = 2105372, end = 16, size = sizeof(head) + repeats + end;
	char *value = malloc(size);
	assert_non_null(value);
	memcpy(value, head, sizeof(head));
	memset(value + sizeof(head), 0xff, repeats);
	memset(value + sizeof(head) + repeats, 0, end);
	redisReply *reply =
		redisCommand(rig.redis, "XADD __default:s:partition_0 * packed-lz4 %b", value, size);
	assert_int_equal(reply->type, REDIS_REPLY_STRING);
	freeReplyObject(reply);
	free(value);
}

/* Which death follows which is as with messages that kill: the first ones do not tell whether an entry is to blame. */
static void an_entry_whose_reading_gets_its_process_killed_is_isolated_and_the_others_go_on(void **state)
{
	(void)state;
	enum { DEATHS_MOST = 6 };
	if (!make_cage(256 << 20)) {
		print_message("skipped: no cgroup can be made here, which limits memory\n");
		skip();
	}
	send_messages();
	add_what_unpacks_to_512_mib();
	test_rig_tell("XADD __default:s:partition_0 * partitionKey k data last");
	int deaths = deaths_until_given_up("max_attempts = 3\nentry_limit = 1GiB");
	assert_in_range(deaths, 3, DEATHS_MOST);
	wait_drained();
	assert_string_equal(letter("attempts"), "3");
	assert_non_null(strstr(letter("reason"), "died each time this entry was read"));
	assert_non_null(strstr(handled_in_partition_0(), "0.18 0.19 last"));
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 1);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* --- foreign entries ------------------------------------------------------------------------- */

static void foreign_entries_become_dead_letters_and_the_partition_continues(void **state)
{
	(void)state;
	send_messages();
	static const char *const foreign[] = {
		"XADD __default:s:partition_0 * data alone",
		"XADD __default:s:partition_0 * partitionKey k",
		"XADD __default:s:partition_0 * something else",
	};
	for (int i = 0; i < 3; i++)
		test_rig_tell(foreign[i]);
	test_rig_tell("XADD __default:s:partition_0 * partitionKey k data last");
	run("");
	wait_drained();
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 3);
	assert_non_null(strstr(handled_in_partition_0(), "0.18 0.19 last"));
	redisReply *letters = test_server_command(rig.redis, "XRANGE {__default:s:partition_0}:g:dead - +");
	for (size_t i = 0; i < letters->elements; i++) {
		const redisReply *fields = letters->element[i]->element[1];
		bool said = false;
		for (size_t f = 0; f + 1 < fields->elements; f += 2)
			said = said ||
			       (strcmp(fields->element[f]->str, "reason") == 0 &&
				strstr(fields->element[f + 1]->str, i == 1 ? "data" : "partitionKey"));
		if (!said)
			fail_msg("letter %zu does not say what is missing", i);
	}
	freeReplyObject(letters);
}

/* The varint of 1 GiB, and as many bytes as LZ4 could make it of. */
static void add_what_claims_a_gigabyte(void)
{
	static const unsigned char claim[] = {0x80, 0x80, 0x80, 0x80, 4};
	size_t size = 5 << 20;
	char *value = calloc(1, size);
	assert_non_null(value);
	memcpy(value, claim, sizeof(claim));
	redisReply *reply =
		redisCommand(rig.redis, "XADD __default:s:partition_0 * packed-lz4 %b", value, size);
	assert_int_equal(reply->type, REDIS_REPLY_STRING);
	freeReplyObject(reply);
	free(value);
}

static void an_entry_that_needs_too_much_memory_is_a_dead_letter_and_is_not_read(void **state)
{
	(void)state;
	send_messages();
	add_what_claims_a_gigabyte();
	char *large = calloc(1, (1 << 20) + 1);
	memset(large, 'x', 1 << 20);
	test_rig_tell("XADD __default:s:partition_0 * partitionKey k data %s", large);
	free(large);
	test_rig_tell("XADD __default:s:partition_0 * partitionKey k data last");
	run("entry_limit = 256KiB");
	wait_drained();
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 2);
	assert_non_null(strstr(handled_in_partition_0(), "0.18 0.19 last"));
	assert_others_were_handled_once();
	test_runner_says_times(rig.runner, "larger than entry_limit allows", 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_that_fails_twice_is_handled_at_the_third_attempt_and_in_its_place),
		TEST(a_message_that_always_fails_becomes_a_dead_letter_that_tells_all),
		TEST(a_message_the_handler_gives_up_is_a_dead_letter_at_once),
		TEST(without_a_limit_a_failing_message_holds_its_partition_and_no_other),
		TEST(an_answer_that_says_stop_ends_the_runner_with_69_at_that_message),
		TEST(a_message_that_kills_its_process_does_so_max_attempts_times_and_its_letter_says_so),
		TEST(with_two_attempts_a_message_kills_two_processes),
		TEST(with_one_attempt_a_message_kills_two_processes_because_it_must_be_found),
		TEST(a_message_that_an_owner_had_marked_is_handled_alone_and_the_log_says_why),
		TEST(an_entry_that_kills_its_readers_is_a_dead_letter_and_is_not_read_again),
		cmocka_unit_test_setup_teardown(
			an_entry_whose_reading_gets_its_process_killed_is_isolated_and_the_others_go_on,
			set_up, tear_down_cage),
		TEST(foreign_entries_become_dead_letters_and_the_partition_continues),
		TEST(an_entry_that_needs_too_much_memory_is_a_dead_letter_and_is_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
