/* test_ack_replicas.c - with ack_replicas, a send is acknowledged when a real replica has it. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "base/clock.h"
#include "harness/rig.h"
#include "harness/segctl.h"
#include "stream/client.h"

enum { TIMEOUT_MS = 4000, LONG_TIMEOUT_MS = 30000, RECORDS = 3000 };

static test_server *replica;
static long added, unknown;

static bool replica_is_online(void *arg)
{
	(void)arg;
	redisReply *reply = test_server_command(rig.redis, "INFO replication");
	bool online = strstr(reply->str, "state=online") != NULL;
	freeReplyObject(reply);
	return online;
}

/* After a full synchronization, Redis holds back what it sends to a replica for up to a second. */
static bool replica_confirms(void *arg)
{
	(void)arg;
	test_rig_tell("SET warm up");
	redisReply *reply = test_server_command(rig.redis, "WAIT 1 500");
	bool confirms = reply->integer == 1;
	freeReplyObject(reply);
	return confirms;
}

static int start(void **state)
{
	char arguments[64];
	test_rig_set_up_directory(state);
	test_rig_start_with(&(test_server_options){.arguments = "--repl-diskless-sync-delay 0", .tcp = true});
	snprintf(arguments, sizeof(arguments), "--replicaof 127.0.0.1 %d", rig.server->port);
	replica = test_server_start(arguments);
	test_wait_until(replica_is_online, NULL, 20000, "the replica is online");
	test_wait_until(replica_confirms, NULL, 20000, "the replica confirms a write");
	seg_client_options options;
	seg_client_options_init(&options);
	options.timeout_ms = TIMEOUT_MS;
	options.ack_replicas = 1;
	rig.client = test_rig_client(&options);
	test_rig_register("s", &(seg_stream_shape){.partitions = 4, .partition_size = 1000000});
	added = unknown = 0;
	return 0;
}

static int stop(void **state)
{
	kill(replica->pid, SIGCONT);
	test_server_stop(replica);
	return test_rig_tear_down(state);
}

static void hear(void *arg, const seg_delivery *delivery)
{
	(void)arg;
	added += delivery->status == SEG_OK;
	unknown += delivery->status == SEG_EUNKNOWN && strstr(delivery->text, "ack_replicas = 1");
}

static void produce(int records, seg_delivery_fn delivery, uint32_t timeout_ms)
{
	seg_producer_options options;
	seg_producer_options_init(&options);
	options.delivery_timeout_ms = timeout_ms;
	options.delivery = delivery;
	seg_producer *producer;
	seg_error error;
	assert_int_equal(seg_producer_open(rig.stream, &options, &producer, &error), 0);
	for (int i = 0; i < records; i++) {
		char key[16];
		seg_record record = {key, (size_t)snprintf(key, sizeof(key), "%d", i % 50), "x", 1, NULL, 0};
		assert_int_equal(seg_producer_send(producer, &record, NULL, &error), 0);
	}
	assert_int_equal(seg_producer_close(producer, 3 * timeout_ms, &error), 0);
}

static int send_one(seg_error *error)
{
	seg_record record = {"key", 3, "data", 4, NULL, 0};
	return seg_stream_send(rig.stream, &record, NULL, error);
}

static void what_a_replica_has_is_acknowledged(void **state)
{
	(void)state;
	produce(RECORDS, hear, LONG_TIMEOUT_MS);
	assert_int_equal(added, RECORDS);
	seg_error error;
	assert_int_equal(send_one(&error), 0);
	redisContext *context = test_server_connect(replica);
	long long length = 0;
	for (int p = 0; p < 4; p++) {
		redisReply *reply = test_server_command(context, "XLEN __default:s:partition_%d", p);
		length += reply->integer;
		freeReplyObject(reply);
	}
	redisFree(context);
	assert_int_equal(length, RECORDS + 1);
}

static void without_a_replicas_answer_the_fate_is_unknown_in_bounded_time(void **state)
{
	(void)state;
	kill(replica->pid, SIGSTOP);
	long long begin = test_now_ms();
	seg_error error;
	assert_int_equal(send_one(&error), SEG_EUNKNOWN);
	assert_non_null(
		strstr(error.text, "0 instead of ack_replicas = 1 replicas confirmed it within 1000 ms"));
	produce(10, hear, TIMEOUT_MS);
	assert_int_equal(unknown, 10);
	assert_true(test_now_ms() - begin < 3 * TIMEOUT_MS);
	kill(replica->pid, SIGCONT);
	test_wait_until(replica_is_online, NULL, 20000, "the replica is online");
	test_wait_until(replica_confirms, NULL, 20000, "the replica confirms a write");
	assert_int_equal(send_one(&error), 0);
}

static void a_user_without_wait_is_refused_at_once(void **state)
{
	(void)state;
	test_rig_tell("ACL SETUSER u on >p ~* &* +@all -wait");
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = rig.server->address;
	options.user = "u";
	options.password = "p";
	options.ack_replicas = 1;
	seg_client *refused;
	seg_error error;
	assert_int_equal(seg_client_open(&options, &refused, &error), SEG_EAUTH);
	assert_non_null(strstr(error.text, "grant +wait"));
}

/* --- WAIT that is refused ------------------------------------------------------------------------ */

static void says_once(const char *text, const char *what)
{
	const char *at = strstr(text, what);
	if (!at || strstr(at + 1, what))
		fail_msg("not once \"%s\": %s", what, text);
}

/* One line that tells what was refused, and both ways out. */
static void names_the_right(const char *text)
{
	says_once(text, "Redis refused WAIT, which ack_replicas needs: ");
	says_once(text, "grant +wait or set ack_replicas to 0");
	says_once(text, "+wait");
	assert_null(strchr(text, '\n'));
}

static void hear_refusal(void *arg, const seg_delivery *delivery)
{
	(void)arg;
	assert_int_equal(delivery->status, SEG_EUNKNOWN);
	names_the_right(delivery->text);
	unknown++;
}

static void a_right_to_wait_that_is_taken_away_is_named_by_each_send(void **state)
{
	(void)state;
	seg_error error;
	assert_int_equal(send_one(&error), 0);
	test_rig_tell("ACL SETUSER default -wait");
	assert_int_equal(send_one(&error), SEG_EUNKNOWN);
	names_the_right(error.text);
	produce(10, hear_refusal, TIMEOUT_MS);
	assert_int_equal(unknown, 10);
	test_rig_tell("ACL SETUSER default +wait");
	assert_int_equal(send_one(&error), 0);
	produce(10, hear, TIMEOUT_MS);
	assert_int_equal(added, 10);
}

static void a_server_without_wait_is_refused_at_once(void **state)
{
	(void)state;
	test_server *without = test_server_start("--rename-command WAIT none");
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = without->address;
	options.ack_replicas = 1;
	seg_client *refused;
	seg_error error;
	assert_int_equal(seg_client_open(&options, &refused, &error), SEG_ESERVER);
	says_once(error.text, "ack_replicas needs the command WAIT (grant +wait, or set ack_replicas to 0)");
	options.ack_replicas = 0;
	assert_int_equal(seg_client_open(&options, &refused, &error), 0);
	seg_client_close(refused);
	test_server_stop(without);
}

static void segctl_send_waits_for_replicas(void **state)
{
	(void)state;
	const test_segctl *answer = test_segctl_run(rig.server->address, "a\nb\n", "send s --ack-replicas 1");
	assert_int_equal(answer->exit_code, 0);
	answer = test_segctl_run(rig.server->address, "a\nb\n", "send s --ack-replicas 17");
	assert_int_equal(answer->exit_code, 64);
}

enum { THREADS = 4, EACH = 100 };

static void *send_each(void *arg)
{
	seg_error *error = arg;
	int status = 0;
	for (int i = 0; i < EACH && status == 0; i++)
		status = send_one(error);
	return status ? error->text : NULL;
}

/* Redis remembers the newest batches of a producer: the replicas of one call are asked for before another call adds. */
static void what_threads_send_through_one_client_is_acknowledged(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	seg_error errors[THREADS];
	rig.client->timeout = LONG_TIMEOUT_MS * SEG_MS;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_each, &errors[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		if (failed)
			fail_msg("%s", (char *)failed);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_replica_has_is_acknowledged),
		TEST(what_threads_send_through_one_client_is_acknowledged),
		TEST(without_a_replicas_answer_the_fate_is_unknown_in_bounded_time),
		TEST(a_user_without_wait_is_refused_at_once),
		TEST(a_right_to_wait_that_is_taken_away_is_named_by_each_send),
		TEST(a_server_without_wait_is_refused_at_once),
		TEST(segctl_send_waits_for_replicas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
