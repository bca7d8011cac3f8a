/*
 * test_commit_replicas.c - ack_replicas: a commit and the release of a partition count once the replicas have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/consumer.h"
#include "harness/rig.h"

/* A replica has a sixth of the session timeout to answer; CALM_SESSION_MS suits a busy machine too. */
enum {
	PATIENCE_MS = 15000,
	SHORT_MS = 1500,
	SESSION_MS = 3 * SHORT_MS,
	CALM_SESSION_MS = 12000,
	MESSAGES = 20
};

static test_server *replica;
static redisContext *at_replica;
static atomic_int warnings, refusals;

static void see_log(void *arg, const seg_log_event *event)
{
	(void)arg;
	if (strstr(event->text,
		   "Redis refused WAIT, which ack_replicas needs (grant +wait, or set ack_replicas to 0)"))
		atomic_fetch_add(&refusals, 1);
	if (strstr(event->text, "0 of 1 replicas (ack_replicas) confirmed a commit"))
		atomic_fetch_add(&warnings, 1);
}

static void fill_the_log(void)
{
	test_rig_register("s", &(seg_stream_shape){.partitions = 4, .partition_size = 1000});
	for (int i = 0; i < MESSAGES; i++) {
		char key[12];
		snprintf(key, sizeof(key), "k%d", i);
		test_rig_send(key, "d");
	}
	test_rig_close_client();
}

static int set_up(void **state)
{
	seg_error error;
	seg_client_options options;
	test_rig_set_up_directory(state);
	test_rig_start_with(&(test_server_options){.arguments = "--repl-diskless-sync-delay 0", .tcp = true});
	replica = test_server_start_tcp(NULL);
	at_replica = test_server_connect(replica);
	fill_the_log();
	seg_client_options_init(&options);
	options.ack_replicas = 1;
	options.log = see_log;
	atomic_store(&warnings, 0);
	atomic_store(&refusals, 0);
	rig.client = test_rig_client(&options);
	if (seg_stream_open(rig.client, "s", &rig.stream, &error))
		fail_msg("%s", error.text);
	return 0;
}

static int tear_down(void **state)
{
	redisFree(at_replica);
	test_server_stop(replica);
	return test_rig_tear_down(state);
}

static bool is_attached(void *arg)
{
	(void)arg;
	redisReply *reply = test_server_command(rig.redis, "WAIT 1 100");
	bool attached = reply->integer == 1;
	freeReplyObject(reply);
	return attached;
}

static void attach_replica(void)
{
	freeReplyObject(test_server_command(at_replica, "REPLICAOF 127.0.0.1 %d", rig.server->port));
	test_wait_until(is_attached, NULL, PATIENCE_MS, "the replica follows the master");
}

static void detach_replica(void)
{
	freeReplyObject(test_server_command(at_replica, "REPLICAOF NO ONE"));
}

static void a_commit_counts_once_a_replica_has_it(void **state)
{
	(void)state;
	attach_replica();
	seg_consumer *consumer = test_consumer_join(rig.client, "s", CALM_SESSION_MS);
	test_consumer_handle(consumer, MESSAGES);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(atomic_load(&warnings), 0);
}

static void a_commit_that_no_replica_has_does_not_count_until_one_comes(void **state)
{
	(void)state;
	seg_consumer *consumer = test_consumer_join(rig.client, "s", SESSION_MS);
	test_consumer_handle(consumer, MESSAGES);
	assert_int_equal(seg_consumer_sync(consumer, SESSION_MS + SHORT_MS, NULL), SEG_ETIMEOUT);
	/* The master has it; the lease lives; one line says why. */
	assert_int_equal(atomic_load(&warnings), 1);
	attach_replica();
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

static void commits_do_not_count_while_the_right_to_wait_is_taken_away(void **state)
{
	(void)state;
	attach_replica();
	seg_consumer *consumer = test_consumer_join(rig.client, "s", CALM_SESSION_MS);
	test_rig_tell("ACL SETUSER default -wait");
	test_consumer_handle(consumer, MESSAGES);
	assert_int_equal(seg_consumer_sync(consumer, SHORT_MS, NULL), SEG_ETIMEOUT);
	/* The commits are repeated, the line is not. */
	assert_int_equal(atomic_load(&refusals), 1);
	test_rig_tell("ACL SETUSER default +wait");
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(atomic_load(&refusals), 1);
}

static void a_partition_is_released_once_a_replica_has_it(void **state)
{
	(void)state;
	attach_replica();
	seg_consumer *consumer = test_consumer_join(rig.client, "s", SESSION_MS);
	test_consumer_handle(consumer, MESSAGES);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	detach_replica();
	assert_int_equal(seg_consumer_close(consumer, SHORT_MS, NULL), SEG_ETIMEOUT);
}

static long long letters_at(redisContext *redis)
{
	long long letters = 0;
	for (int p = 0; p < 4; p++) {
		redisReply *reply = test_server_command(redis, "XLEN {__default:s:partition_%d}:g:dead", p);
		letters += reply->integer;
		freeReplyObject(reply);
	}
	return letters;
}

static void a_dead_letter_counts_once_a_replica_has_it(void **state)
{
	(void)state;
	const seg_batch *batch;
	seg_error error = {0};
	seg_consumer *consumer = test_consumer_join(rig.client, "s", SESSION_MS);
	if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
		fail_msg("no batch; %s", error.text);
	assert_int_equal(seg_consumer_dead_letter(consumer, batch, 0, "bad", &error), SEG_ETIMEOUT);
	/* The master has it, and its position. */
	assert_int_equal(letters_at(rig.redis), 1);
	attach_replica();
	assert_int_equal(seg_consumer_dead_letter(consumer, batch, 0, "bad", &error), 0);
	assert_int_equal(letters_at(at_replica), 1);
	assert_int_equal(letters_at(rig.redis), 1);
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_commit_counts_once_a_replica_has_it),
		TEST(a_commit_that_no_replica_has_does_not_count_until_one_comes),
		TEST(commits_do_not_count_while_the_right_to_wait_is_taken_away),
		TEST(a_partition_is_released_once_a_replica_has_it),
		TEST(a_dead_letter_counts_once_a_replica_has_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
