/*
 * test_failover.c - another server becomes the master, with Sentinels and without: the producer, the blocking send,
 * segrunner, the pull consumer and segctl follow it, in order, and without losing what the new master has. Each test
 * prints how long no message could be sent.
 */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/log.h"
#include "harness/rig.h"
#include "harness/segctl.h"
#include "harness/sentinel.h"

enum {
	PARTITIONS = 4,
	KEYS = 8, /* the last one is the blocking send's */
	PAUSE_US = 2000,
	STEADY = 100,
	PATIENCE_MS = 30000,
	SEND_TIMEOUT_MS = 25000,
	CALM_MS = 10000,
};

static test_sentinel *sentinel;
static test_server *pair[2];

static void load_abandon(void);

static int tear_down(void **state)
{
	load_abandon();
	test_sentinel_stop(sentinel);
	sentinel = NULL;
	for (int i = 0; i < 2; i++) {
		if (pair[i])
			test_server_stop(pair[i]);
		pair[i] = NULL;
	}
	return test_rig_tear_down(state);
}

/* --- sending ------------------------------------------------------------------------------ */

static struct {
	seg_client *client;
	seg_stream *stream;
	seg_producer *producer;
	seg_consumer *consumer;
	pthread_t threads[3];
	bool runs;
	atomic_bool stop, consumed;
	atomic_long sent[KEYS], acknowledged, blocking, failed;
	atomic_llong gap_ms; /* the longest time between two acknowledged blocking sends */
	char failure[SEG_ERROR_TEXT_MAX];
} load;

static seg_record record_of(int key, char text[2][32])
{
	int k = snprintf(text[0], 32, "k%d", key);
	int d = snprintf(text[1], 32, "k%d:%ld", key, atomic_fetch_add(&load.sent[key], 1));
	return (seg_record){.key = text[0],
			    .key_length = (size_t)k,
			    .data = text[1],
			    .data_length = (size_t)d};
}

static void failed(const char *text)
{
	if (atomic_fetch_add(&load.failed, 1) == 0)
		snprintf(load.failure, sizeof(load.failure), "%s", text);
}

static void delivered(void *arg, const seg_delivery *delivery)
{
	(void)arg;
	if (delivery->status)
		failed(delivery->text);
	else
		atomic_fetch_add(&load.acknowledged, 1);
}

static void pause_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static void *produce(void *arg)
{
	(void)arg;
	char text[2][32];
	for (int key = 0; !atomic_load(&load.stop); key = (key + 1) % (KEYS - 1)) {
		seg_record record = record_of(key, text);
		seg_error error;
		if (seg_producer_send(load.producer, &record, NULL, &error))
			failed(error.text);
		pause_us(PAUSE_US);
	}
	return NULL;
}

static void *send_blocking(void *arg)
{
	(void)arg;
	char text[2][32];
	long long last = test_now_ms();
	while (!atomic_load(&load.stop)) {
		seg_record record = record_of(KEYS - 1, text);
		seg_error error;
		if (seg_stream_send(load.stream, &record, NULL, &error))
			failed(error.text);
		long long now = test_now_ms();
		if (now - last > atomic_load(&load.gap_ms))
			atomic_store(&load.gap_ms, now - last);
		last = now;
		atomic_fetch_add(&load.blocking, 1);
		pause_us(PAUSE_US);
	}
	return NULL;
}

static void *consume(void *arg)
{
	(void)arg;
	while (!atomic_load(&load.consumed)) {
		const seg_batch *batch;
		seg_error error;
		int got = seg_consumer_poll(load.consumer, 100, &batch, &error);
		if (got < 0)
			failed(error.text);
		if (got < 0)
			return NULL;
		if (got == 0)
			continue;
		/* SEG_EFENCED: a failover has taken the partition away, and it is read again. */
		seg_consumer_commit(load.consumer, batch, batch->count, NULL);
		seg_consumer_release(load.consumer, batch);
	}
	return NULL;
}

static void check(int status, const seg_error *error)
{
	if (status)
		fail_msg("%s", error->text);
}

static void load_start(const char *address)
{
	seg_error error;
	memset(&load, 0, sizeof(load));
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = address;
	options.timeout_ms = SEND_TIMEOUT_MS;
	check(seg_client_open(&options, &load.client, &error), &error);
	const seg_stream_shape shape = {.partitions = PARTITIONS, .partition_size = 1000000};
	check(seg_stream_register(load.client, "s", &shape, &load.stream, &error), &error);
	seg_producer_options producer;
	seg_producer_options_init(&producer);
	producer.delivery = delivered;
	producer.delivery_timeout_ms = SEND_TIMEOUT_MS;
	check(seg_producer_open(load.stream, &producer, &load.producer, &error), &error);
	pthread_create(&load.threads[0], NULL, produce, NULL);
	seg_consumer_options consumer;
	seg_consumer_options_init(&consumer);
	consumer.group = "pull";
	consumer.session_timeout_ms = 3000;
	check(seg_consumer_open(load.client, "s", &consumer, &load.consumer, &error), &error);
	pthread_create(&load.threads[1], NULL, send_blocking, NULL);
	pthread_create(&load.threads[2], NULL, consume, NULL);
	load.runs = true;
}

static bool both_went_on(void *counts_)
{
	const long *counts = counts_;
	return atomic_load(&load.acknowledged) > counts[0] && atomic_load(&load.blocking) > counts[1];
}

/* Waits until both senders have sent some more. */
static void load_goes_on(void)
{
	long counts[2] = {atomic_load(&load.acknowledged) + STEADY, atomic_load(&load.blocking) + STEADY};
	test_wait_until(both_went_on, counts, PATIENCE_MS, "messages are sent");
}

static void join_senders(void)
{
	load.runs = false;
	atomic_store(&load.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(load.threads[i], NULL);
}

static void close_all(void)
{
	atomic_store(&load.consumed, true);
	pthread_join(load.threads[2], NULL);
	seg_consumer_close(load.consumer, 1000, NULL);
	seg_producer_close(load.producer, 1000, NULL);
	seg_stream_close(load.stream);
	seg_client_close(load.client);
}

/* After a test that failed. */
static void load_abandon(void)
{
	if (!load.runs)
		return;
	join_senders();
	close_all();
}

/* Every record has been acknowledged, and the pull consumer has handled all. */
static void load_end(const char *what, const char *address)
{
	seg_error error;
	join_senders();
	check(seg_producer_flush(load.producer, PATIENCE_MS, &error), &error);
	test_group_wait_drained(address, "s", "pull");
	close_all();
	if (load.failed)
		fail_msg("%ld sends failed: %s", load.failed, load.failure);
	print_message("%s: no send for %lld ms\n", what, load.gap_ms);
}

/* --- the rest of it ----------------------------------------------------------------------------- */

static void run(const char *address, const char *redis)
{
	rig.runner =
		test_runner_run("[redis]\naddress = %s\n%s\n[runner]\nname = runner\nlog_level = info\n"
				"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
				"partitions = %d\nsession_timeout = 3s\noption.path = %s\n",
				address, redis, test_build_directory(), PARTITIONS, rig.deliveries);
	test_runner_says(rig.runner, "joined as");
}

static int by_place(const void *a_, const void *b_)
{
	const test_delivery *a = a_, *b = b_;
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	if (a->ms != b->ms)
		return a->ms < b->ms ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void was_delivered(const test_deliveries *sorted, uint32_t partition, const char *id, const char *data)
{
	test_delivery wanted = {.partition = partition};
	assert_int_equal(sscanf(id, "%" SCNu64 "-%" SCNu64, &wanted.ms, &wanted.seq), 2);
	const test_delivery *found =
		bsearch(&wanted, sorted->list, sorted->count, sizeof(*sorted->list), by_place);
	if (!found)
		fail_msg("%s of partition %u, %s, was never delivered", id, partition, data);
}

/* The log's numbers of each key rise, none comes twice, and each entry was delivered. */
static void everything_was_handled(const test_server *master)
{
	long sent[KEYS];
	for (int key = 0; key < KEYS; key++)
		sent[key] = load.sent[key];
	long kept = test_log_check(master, "s", PARTITIONS, KEYS, sent, true);
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	qsort(deliveries.list, deliveries.count, sizeof(*deliveries.list), by_place);
	for (uint32_t p = 0; p < PARTITIONS; p++) {
		redisReply *log = test_server_ask(master, "XRANGE __default:s:partition_%u - +", p);
		for (size_t i = 0; i < log->elements; i++)
			was_delivered(&deliveries, p, log->element[i]->element[0]->str,
				      log->element[i]->element[1]->element[3]->str);
		freeReplyObject(log);
	}
	test_deliveries_free(&deliveries);
	long lost = -kept;
	for (int key = 0; key < KEYS; key++)
		lost += sent[key];
	print_message("the new master has %ld messages and lacks %ld\n", kept, lost);
}

static bool has_the_marker(void *replica)
{
	redisReply *reply = test_server_ask(replica, "EXISTS marker");
	bool has = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
	freeReplyObject(reply);
	return has;
}

/* After a replica has the data, Redis waits for up to a second before it passes on what is written meanwhile. */
static void start_all(const char *address, const test_server *master, test_server *replica)
{
	load_start(address);
	run(address, "");
	test_server_tell(master, "SET marker 1");
	test_wait_until(has_the_marker, replica, PATIENCE_MS, "the replica gets what is written");
	load_goes_on();
}

static void finish_all(const char *what, const char *address, const test_server *master)
{
	load_goes_on();
	load_end(what, address);
	test_group_wait_drained(address, "s", "g");
	test_segctl_good(address, "lag s g --sample 0 --max-lag 0");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	everything_was_handled(master);
}

/* --- with Sentinels -------------------------------------------------------------------------------- */

static void everything_follows_a_failover_of_the_sentinels(void **state)
{
	(void)state;
	/* With less, a Sentinel that has not heard of the failover takes the demoted master for dead. */
	sentinel = test_sentinel_start(&(test_sentinel_options){.down_after_ms = CALM_MS});
	start_all(sentinel->address, sentinel->servers[0], sentinel->servers[1]);
	int master = test_sentinel_failover(sentinel);
	finish_all("a failover by command", sentinel->address, sentinel->servers[master]);
}

/*
 * From now on, Sentinels take a server for dead that has said nothing for a second. Before, a busy machine would make them replace a
 * master that is well.
 */
static void notice_soon(void)
{
	for (int i = 0; i < sentinel->sentinel_count; i++)
		test_server_tell(sentinel->sentinels[i],
				 "SENTINEL SET " TEST_SENTINEL_NAME " down-after-milliseconds 1000");
}

static void everything_follows_when_the_master_is_killed(void **state)
{
	(void)state;
	sentinel = test_sentinel_start(&(test_sentinel_options){.down_after_ms = CALM_MS});
	start_all(sentinel->address, sentinel->servers[0], sentinel->servers[1]);
	notice_soon();
	int old = test_sentinel_kill_master(sentinel);
	int master = test_sentinel_wait_failover(sentinel, old, PATIENCE_MS);
	finish_all("kill -9 of the master, noticed after 1 s", sentinel->address, sentinel->servers[master]);
}

/* Its connections stay open and say nothing. */
static void everything_leaves_a_master_that_hangs(void **state)
{
	(void)state;
	sentinel = test_sentinel_start(&(test_sentinel_options){.down_after_ms = CALM_MS});
	start_all(sentinel->address, sentinel->servers[0], sentinel->servers[1]);
	notice_soon();
	int old = test_sentinel_master(sentinel);
	kill(sentinel->servers[old]->pid, SIGSTOP);
	int master = test_sentinel_wait_failover(sentinel, old, PATIENCE_MS);
	finish_all("a master that hangs, noticed after 1 s", sentinel->address, sentinel->servers[master]);
	kill(sentinel->servers[old]->pid, SIGCONT);
}

static void a_dead_and_a_silent_sentinel_are_passed_over(void **state)
{
	(void)state;
	sentinel = test_sentinel_start(NULL);
	test_server_kill(sentinel->sentinels[0]);
	kill(sentinel->sentinels[1]->pid, SIGSTOP);
	for (int i = 0; i < 4; i++)
		test_segctl_good(sentinel->address, "stream list");
	kill(sentinel->sentinels[1]->pid, SIGCONT);
}

static void the_sentinels_have_a_login_of_their_own(void **state)
{
	(void)state;
	char line[160];
	sentinel = test_sentinel_start(
		&(test_sentinel_options){.password = "of-redis", .sentinel_password = "of-sentinel"});
	const char *path = test_rig_write("pw", "of-sentinel\n");
	const test_segctl *answer = test_segctl_do(sentinel->address, "stream list");
	assert_int_equal(answer->exit_code, EX_NOPERM);
	test_expect_text(answer->errors, "requires a password; set sentinel_password_file");
	char address[600];
	snprintf(address, sizeof(address), "redis+sentinel://:of-redis@%s",
		 sentinel->address + strlen("redis+sentinel://"));
	test_segctl_good(address, "--sentinel-password-file %s stream list", path);
	snprintf(line, sizeof(line), "sentinel_password_file = %s", path);
	run(address, line);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	test_rig_write("pw", "wrong\n");
	answer = test_segctl_do(address, "--sentinel-password-file %s stream list", path);
	assert_int_equal(answer->exit_code, EX_NOPERM);
	test_expect_text(answer->errors, "refuses this user or password: WRONGPASS");
	assert_null(strstr(answer->errors, "wrong"));
}

static void a_name_that_no_sentinel_knows_is_an_error_that_says_so(void **state)
{
	(void)state;
	sentinel = test_sentinel_start(&(test_sentinel_options){.sentinels = 1});
	char address[600];
	snprintf(address, sizeof(address), "redis+sentinel://127.0.0.1:%d/another",
		 sentinel->sentinels[0]->port);
	long long begin = test_now_ms();
	const test_segctl *answer = test_segctl_do(address, "stream list");
	assert_true(test_now_ms() - begin < 5000);
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "know no master \"another\"; check the name in the address");
	rig.runner = test_runner_run("[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\nplugin = "
				     "%s/tests/plugins/record.so\noption.path = %s\n",
				     address, test_build_directory(), rig.deliveries);
	assert_int_equal(test_runner_wait(rig.runner), EX_CONFIG);
	test_runner_says(rig.runner, "know no master \"another\"");
	snprintf(address, sizeof(address), "redis+sentinel://127.0.0.1:%d/another",
		 sentinel->servers[0]->port);
	answer = test_segctl_do(address, "stream list");
	test_expect_text(answer->errors, "is no Sentinel; give the Sentinels' ports, by default 26379");
}

static void a_sentinel_that_is_taken_for_a_server_says_how_to_write_its_address(void **state)
{
	(void)state;
	sentinel = test_sentinel_start(&(test_sentinel_options){.sentinels = 1});
	char address[600];
	snprintf(address, sizeof(address), "redis://127.0.0.1:%d", sentinel->sentinels[0]->port);
	const test_segctl *answer = test_segctl_do(address, "stream list");
	test_expect_text(answer->errors, "is a Redis Sentinel, which holds no data; write redis+sentinel://");
	answer = test_segctl_do(address, "doctor");
	assert_int_equal(answer->exit_code, EX_UNAVAILABLE);
	test_expect_text(answer->output, "write redis+sentinel://HOST,HOST/MASTER");
	assert_null(strstr(answer->output, "warn persistence"));
	rig.runner = test_runner_run("[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\nplugin = "
				     "%s/tests/plugins/record.so\noption.path = %s\n",
				     address, test_build_directory(), rig.deliveries);
	assert_int_equal(test_runner_wait(rig.runner), EX_UNAVAILABLE);
	test_runner_says(rig.runner, "is a Redis Sentinel");
	assert_false(test_runner_has_said(rig.runner, "SCRIPT LOAD"));
}

/* It refuses a large command before it says that it wants a password. */
static void a_sentinel_with_a_password_that_is_taken_for_a_server_says_that_it_wants_one(void **state)
{
	(void)state;
	sentinel = test_sentinel_start(
		&(test_sentinel_options){.sentinels = 1, .sentinel_password = "of-sentinel"});
	rig.runner = test_runner_run(
		"[redis]\naddress = redis://127.0.0.1:%d\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\noption.path = %s\n",
		sentinel->sentinels[0]->port, test_build_directory(), rig.deliveries);
	assert_int_equal(test_runner_wait(rig.runner), EX_NOPERM);
	test_runner_says(rig.runner, "requires a password; set password_file");
}

/* The address has this scheme: what segctl says. */
static const char *with_scheme(const char *scheme)
{
	char address[128];
	snprintf(address, sizeof(address), "%s127.0.0.1:%d/mymaster", scheme, sentinel->sentinels[0]->port);
	return test_segctl_do(address, "--timeout 3s stream list")->errors;
}

static void an_address_with_the_wrong_kind_of_port_is_told_the_scheme_of_sentinels(void **state)
{
	(void)state;
	sentinel = test_sentinel_start(&(test_sentinel_options){.sentinels = 1});
	const char *errors = with_scheme("rediss+sentinel://");
	test_expect_text(errors, "if it is not a TLS port, write redis+sentinel://");
	test_sentinel_stop(sentinel);
	test_certificates *certificates = test_certificates_make();
	sentinel =
		test_sentinel_start(&(test_sentinel_options){.sentinels = 1, .certificates = certificates});
	errors = with_scheme("redis+sentinel://");
	test_expect_text(errors, "the Sentinel at ");
	test_expect_text(errors, "if it is a TLS port, write rediss+sentinel://");
	test_certificates_remove(certificates);
}

static void without_a_sentinel_the_error_names_the_master_and_what_fails(void **state)
{
	(void)state;
	sentinel = test_sentinel_start(NULL);
	for (int i = 0; i < sentinel->sentinel_count; i++)
		test_server_kill(sentinel->sentinels[i]);
	const test_segctl *answer = test_segctl_do(sentinel->address, "--timeout 3s stream list");
	assert_int_equal(answer->exit_code, EX_UNAVAILABLE);
	test_expect_text(answer->errors, "none of the 3 Sentinels says where the master \"mymaster\" is");
	test_expect_text(answer->errors, "Connection refused");
}

/* --- without -------------------------------------------------------------------------------------------- */

static bool has_the_data(void *server)
{
	return test_server_says(server, "INFO replication", "master_link_status:up");
}

static void start_pair(void)
{
	for (int i = 0; i < 2; i++)
		pair[i] = test_server_start_tcp("--repl-diskless-sync-delay 0");
	test_server_follow(pair[1], pair[0]);
	test_wait_until(has_the_data, pair[1], PATIENCE_MS, "the replica is in step");
}

static void write_pair(char address[128], int first)
{
	snprintf(address, 128, "redis://127.0.0.1:%d,127.0.0.1:%d", pair[first]->port, pair[1 - first]->port);
}

/* The demoted one keeps its connections open, and answers READONLY. */
static void a_list_of_servers_follows_the_master_when_the_roles_change(void **state)
{
	(void)state;
	char address[128];
	start_pair();
	write_pair(address, 1);
	start_all(address, pair[0], pair[1]);
	test_server_follow(pair[1], NULL);
	test_server_follow(pair[0], pair[1]);
	finish_all("roles changed by hand", address, pair[1]);
}

static void a_list_of_servers_follows_when_the_master_is_killed(void **state)
{
	(void)state;
	char address[128];
	start_pair();
	write_pair(address, 0);
	start_all(address, pair[0], pair[1]);
	test_server_kill(pair[0]);
	test_server_follow(pair[1], NULL);
	finish_all("the other one promoted at once", address, pair[1]);
}

static void a_single_server_that_is_demoted_for_a_while_is_waited_for_without_a_flood(void **state)
{
	(void)state;
	char address[64];
	start_pair();
	snprintf(address, sizeof(address), "redis://127.0.0.1:%d", pair[0]->port);
	start_all(address, pair[0], pair[1]);
	test_server_follow(pair[1], NULL);
	test_server_follow(pair[0], pair[1]);
	test_wait_until(has_the_data, pair[0], PATIENCE_MS, "the old master is a replica");
	test_runner_says(rig.runner, "replica");
	nanosleep(&(struct timespec){.tv_sec = 3}, NULL);
	int said = test_runner_times_said(rig.runner, "read-only replica");
	if (said > 30)
		fail_msg("the log says it %d times in 3 s", said);
	test_server_follow(pair[0], NULL);
	finish_all("a replica for 3 s", address, pair[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up_directory, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_follows_a_failover_of_the_sentinels),
		TEST(everything_follows_when_the_master_is_killed),
		TEST(everything_leaves_a_master_that_hangs),
		TEST(a_dead_and_a_silent_sentinel_are_passed_over),
		TEST(the_sentinels_have_a_login_of_their_own),
		TEST(a_name_that_no_sentinel_knows_is_an_error_that_says_so),
		TEST(a_sentinel_that_is_taken_for_a_server_says_how_to_write_its_address),
		TEST(a_sentinel_with_a_password_that_is_taken_for_a_server_says_that_it_wants_one),
		TEST(an_address_with_the_wrong_kind_of_port_is_told_the_scheme_of_sentinels),
		TEST(without_a_sentinel_the_error_names_the_master_and_what_fails),
		TEST(a_list_of_servers_follows_the_master_when_the_roles_change),
		TEST(a_list_of_servers_follows_when_the_master_is_killed),
		TEST(a_single_server_that_is_demoted_for_a_while_is_waited_for_without_a_flood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
