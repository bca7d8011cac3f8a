/*
 * test_scripts_cluster.c - the scripts on a Redis Cluster: all keys of a call are in one slot, and a script
 * touches no key that it was not given. MONITOR shows which commands a script runs, and Redis itself says
 * which words of a command are keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts.h"
#include "test_scripts_keys.h"

static redisContext *monitor;

static bool cluster_is_ready(void *arg)
{
	(void)arg;
	return strstr(command("CLUSTER INFO"), "cluster_state:ok") != NULL;
}

static int start_cluster(void **state)
{
	(void)state;
	start_redis_with("--cluster-enabled yes");
	command("CLUSTER ADDSLOTSRANGE 0 16383");
	test_wait_until(cluster_is_ready, NULL, 20000, "the cluster of one node is ready");
	monitor = test_server_connect(rig.server);
	struct timeval patience = {.tv_sec = 20};
	redisSetTimeout(monitor, patience);
	freeReplyObject(test_server_command(monitor, "MONITOR"));
	return 0;
}

static int stop_cluster(void **state)
{
	redisFree(monitor);
	return test_rig_tear_down(state);
}

/* --- the keys that a script touched ----------------------------------------------------------------- */

/* Splits a line of MONITOR into its quoted words, in place. Returns how many there are. */
static int cut_words(char *line, char **words, int max)
{
	int n = 0;
	char *at = strchr(line, '"');
	while (at && n < max) {
		words[n++] = ++at;
		while (*at && *at != '"')
			at += at[0] == '\\' && at[1] ? 2 : 1;
		if (*at)
			*at++ = '\0';
		at = strchr(at, '"');
	}
	return n;
}

static void check_command(char *line, const char *const *keys, int key_count)
{
	char *words[512];
	const char *argv[514] = {"COMMAND", "GETKEYS"};
	int n = cut_words(line, words, 512);
	if (n < 2)
		return; /* TIME */
	memcpy(argv + 2, words, sizeof(*words) * (size_t)n);
	redisReply *reply = redisCommandArgv(rig.redis, n + 2, argv, NULL);
	assert_non_null(reply);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", words[0], reply->str);
	for (size_t i = 0; i < reply->elements; i++) {
		bool given = false;
		for (int k = 0; k < key_count; k++)
			given = given || strcmp(reply->element[i]->str, keys[k]) == 0;
		if (!given)
			fail_msg("%s %s, a key that was not given", words[0], reply->element[i]->str);
	}
	freeReplyObject(reply);
}

/* Checks each command that a script has run since the last call. Returns how many there were. */
static int check_commands(const char *const *keys, int key_count)
{
	command("ECHO that-is-all");
	for (int commands = 0;;) {
		void *got;
		if (redisGetReply(monitor, &got) != REDIS_OK)
			fail_msg("MONITOR: %s", monitor->errstr);
		redisReply *reply = got;
		bool over = strstr(reply->str, "\"that-is-all\"") != NULL;
		if (strstr(reply->str, " lua] ")) {
			check_command(reply->str, keys, key_count);
			commands++;
		}
		freeReplyObject(reply);
		if (over)
			return commands;
	}
}

static void call(const char *expected, seg_script script, int keys, const char *const *words, int count)
{
	const char *said_now = reply_text(script_reply(script, keys, words, count));
	if (strncmp(said_now, expected, strlen(expected)) != 0)
		fail_msg("%s: %s, not %s", seg_script_sources[script].name, said_now, expected);
	if (check_commands(words, keys) == 0)
		fail_msg("%s was not seen to do anything", seg_script_sources[script].name);
}

#define call(expected, script, keys, ...) \
	call(expected, SEG_SCRIPT_##script, keys, WORDS(__VA_ARGS__), WORD_COUNT(__VA_ARGS__))

/* --- the tests ------------------------------------------------------------------------------------ */

static void check_one_slot(const char *const *keys, int count)
{
	long long slot = command_number("CLUSTER KEYSLOT %s", keys[0]);
	for (int i = 1; i < count; i++)
		assert_int_equal(command_number("CLUSTER KEYSLOT %s", keys[i]), slot);
}

static void keys_that_change_together_are_in_one_slot(void **state)
{
	(void)state;
	const char *of_a_partition[] = {LOG, PRODUCER, COUNTERS, STATE, DEAD};
	const char *of_a_stream[] = {INFO, MEMBERS, LEASES, PARTITIONS, CONTROL, GROUPS};
	check_one_slot(of_a_partition, 5);
	check_one_slot(of_a_stream, 6);
}

static void a_stream_is_registered_with_its_own_key_only(void **state)
{
	(void)state;
	call("OK 4 100 reject 1 off 1", REGISTER, 1, INFO, "4", "100", "reject", "1", "off");
	call("OK 4 100 reject 1 off 0", REGISTER, 1, INFO, "5", "200", "drop-oldest", "1", "off");
}

#define RECORD "2", "partitionKey", "k", "data", "a word \"in\" \\ quotes"
#define append(expected, size, overflow, sequence)                                                           \
	call(expected, APPEND, 3, LOG, PRODUCER, COUNTERS, size, overflow, sequence, sequence, "60000", "2", \
	     RECORD, RECORD)

static void a_batch_is_added_with_the_given_keys_only(void **state)
{
	(void)state;
	append("OK ", "2", "reject", "2");
	append("DUP ", "2", "reject", "2");
	append("OLD", "2", "reject", "1");
}

static void a_batch_makes_room_with_the_given_keys_only(void **state)
{
	(void)state;
	append("OK ", "4", "reject", "1");
	append("OK ", "4", "reject", "3");
	call("MADE 0-0", OPEN_GROUP, 2, LOG, STATE, "g", "0");
	append("OK 0-0 0", "4", "reject", "5");
	append("OK ", "4", "drop-oldest", "5");
	assert_int_equal(command_number("HGET " COUNTERS " dropped"), 2);
	command("XGROUP SETID " LOG " g $");
	append("OK ", "4", "reject", "7");
	assert_int_equal(command_number("XLEN " LOG), 2);
}

static void a_partition_is_owned_with_the_given_keys_only(void **state)
{
	(void)state;
	for (int i = 1; i <= 6; i++)
		command("XADD " LOG " %d-1 partitionKey k data x", i);
	call("MADE 0-0", OPEN_GROUP, 2, LOG, STATE, "g", "0");
	command("XREADGROUP GROUP g reader COUNT 2 STREAMS " LOG " >");
	call("OK 1-0 0 0 0-0 0 0", CLAIM, 2, LOG, STATE, "g", "0", "m", "10", "n");
	call("OK", MARK, 2, LOG, STATE, "10", "n", "mark", "1-1", "2");
	call("OK ", DEAD_LETTER, 3, LOG, STATE, DEAD, "g", "10", "n", "1-1", "1", "why", "1", "h", "0", "0",
	     "drop-oldest");
	call("OK", COMMIT, 2, LOG, STATE, "g", "10", "n", "2-1", "2", "0");
	command("XGROUP DESTROY " LOG " g");
	call("OK", COMMIT, 2, LOG, STATE, "g", "10", "n", "3-1", "3", "0");
	command("XGROUP DESTROY " LOG " g");
	call("REMADE 3-1", OPEN_GROUP, 2, LOG, STATE, "g", "0");
	call("OK", COMMIT, 2, LOG, STATE, "g", "10", "n", "4-1", "4", "1");
	call("FENCED 10", COMMIT, 2, LOG, STATE, "g", "9", "n", "5-1", "5", "0");
	call("STALE 10", CLAIM, 2, LOG, STATE, "g", "0", "m", "9", "n");
}

/* The first words of a heartbeat's answer must equal `expected`; releases follow. */
#define coordinate(expected, command_word, name, incarnation, capacity, ...)                                 \
	call(expected, COORDINATE, 6, MEMBERS, LEASES, PARTITIONS, CONTROL, GROUPS, INFO, "g", command_word, \
	     name, incarnation, "60000", capacity, "4", __VA_ARGS__)

static void a_group_is_coordinated_with_the_given_keys_only(void **state)
{
	(void)state;
	coordinate("OK ", "join", "a", "i1", "1", "0", SHAPE_WORDS);
	coordinate("OK ", "join", "b", "i2", "1", "0", SHAPE_WORDS);
	coordinate("OK ", "heartbeat", "a", "i1", "2", "0", SHAPE_WORDS);
	const char *epoch = strchr(command("HGET " PARTITIONS " 3"), ' ');
	assert_non_null(epoch);
	char released[32];
	snprintf(released, sizeof(released), "%.*s", (int)(epoch - said), said);
	coordinate("OK ", "heartbeat", "a", "i1", "1", "0", SHAPE_WORDS, "3", released);
	coordinate("OK ", "join", "a", "i3", "1", "0", SHAPE_WORDS);
	coordinate("REPLACED ", "heartbeat", "a", "i1", "1", "0", SHAPE_WORDS);
	coordinate("REPLACED ", "leave", "a", "i1", "1", "0", SHAPE_WORDS);
	command("ZADD " LEASES " 1 b");
	coordinate("OK ", "heartbeat", "a", "i3", "1", "0", SHAPE_WORDS);
	coordinate("UNKNOWN ", "heartbeat", "b", "i2", "1", "0", SHAPE_WORDS);
	command("DEL " LEASES);
	coordinate("OK ", "heartbeat", "a", "i3", "1", "0", SHAPE_WORDS);
	coordinate("UNKNOWN ", "leave", "b", "i2", "1", "0", SHAPE_WORDS);
}

#define TEST(function) cmocka_unit_test_setup(function, empty_redis)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_that_change_together_are_in_one_slot),
		TEST(a_stream_is_registered_with_its_own_key_only),
		TEST(a_batch_is_added_with_the_given_keys_only),
		TEST(a_batch_makes_room_with_the_given_keys_only),
		TEST(a_partition_is_owned_with_the_given_keys_only),
		TEST(a_group_is_coordinated_with_the_given_keys_only),
	};
	return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
