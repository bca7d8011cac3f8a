/* test_producer.c - the asynchronous producer: each record is reported once, in order, and added once. */
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
#include <time.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/log.h"
#include "harness/server.h"
#include "harness/storm.h"

enum { PARTITIONS = 8, KEYS = 40 };

static test_server *server;
static seg_client *client;
static seg_stream *stream;

/* What the delivery callback received. opaque is 1 + the record's number among all records. */
static struct {
	pthread_mutex_t lock;
	uint8_t *told; /* for each record: how many reports */
	size_t room;
	long statuses[32]; /* by -status */
	long total;
	uint64_t last[PARTITIONS]; /* the newest opaque of each partition */
	seg_id last_id[PARTITIONS];
	bool out_of_order;
	char text[SEG_ERROR_TEXT_MAX];
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hear(void *arg, const seg_delivery *delivery)
{
	(void)arg;
	pthread_mutex_lock(&heard.lock);
	size_t number = (size_t)(uintptr_t)delivery->opaque - 1;
	if (number < heard.room)
		heard.told[number]++;
	heard.statuses[-delivery->status]++;
	heard.total++;
	uint32_t p = delivery->partition;
	heard.out_of_order |= number + 1 <= heard.last[p];
	heard.last[p] = number + 1;
	if (delivery->status == SEG_OK) {
		heard.out_of_order |= seg_id_compare(heard.last_id[p], delivery->id) >= 0 || delivery->text;
		heard.last_id[p] = delivery->id;
	} else {
		snprintf(heard.text, sizeof(heard.text), "%s", delivery->text);
	}
	pthread_mutex_unlock(&heard.lock);
}

static void forget(size_t records)
{
	pthread_mutex_lock(&heard.lock);
	free(heard.told);
	heard.told = calloc(records, 1);
	heard.room = records;
	heard.total = 0;
	heard.out_of_order = false;
	memset(heard.statuses, 0, sizeof(heard.statuses));
	memset(heard.last, 0, sizeof(heard.last));
	memset(heard.last_id, 0, sizeof(heard.last_id));
	heard.text[0] = '\0';
	pthread_mutex_unlock(&heard.lock);
}

static long heard_status(int status)
{
	pthread_mutex_lock(&heard.lock);
	long n = heard.statuses[-status];
	pthread_mutex_unlock(&heard.lock);
	return n;
}

static long heard_total(void)
{
	pthread_mutex_lock(&heard.lock);
	long n = heard.total;
	pthread_mutex_unlock(&heard.lock);
	return n;
}

static void assert_each_was_told_once(long records)
{
	pthread_mutex_lock(&heard.lock);
	long wrong = 0;
	for (long i = 0; i < records; i++)
		wrong += heard.told[i] != 1;
	bool out_of_order = heard.out_of_order;
	pthread_mutex_unlock(&heard.lock);
	assert_int_equal(wrong, 0);
	assert_int_equal(heard_total(), records);
	assert_false(out_of_order);
}

static void assert_all_were_added(long records)
{
	if (heard_status(SEG_OK) != records)
		fail_msg("%ld of %ld were added; the newest of the others: %s", heard_status(SEG_OK), records,
			 heard.text);
}

/* --- arranging ------------------------------------------------------------------- */

static int start_with(const char *arguments, uint64_t partition_size)
{
	server = test_server_start(arguments);
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = server->address;
	seg_stream_shape shape = {PARTITIONS, partition_size, SEG_OVERFLOW_REJECT};
	seg_error error = {0};
	if (seg_client_open(&options, &client, &error) ||
	    seg_stream_register(client, "s", &shape, &stream, &error))
		fail_msg("%s", error.text);
	forget(4000000);
	return 0;
}

static int start(void **state)
{
	(void)state;
	return start_with(NULL, 100000000);
}

static int start_small(void **state)
{
	(void)state;
	start_with(NULL, 10);
	/* A group that has read nothing: nothing may be trimmed. */
	redisContext *context = test_server_connect(server);
	for (int p = 0; p < PARTITIONS; p++)
		freeReplyObject(test_server_command(context,
						    "XGROUP CREATE __default:s:partition_%d g 0 MKSTREAM",
						    p));
	redisFree(context);
	return 0;
}

static int start_durable(void **state)
{
	(void)state;
	return start_with("--appendonly yes --appendfsync always", 100000000);
}

static int stop(void **state)
{
	(void)state;
	seg_stream_close(stream);
	seg_client_close(client);
	test_server_stop(server);
	free(heard.told);
	heard.told = NULL;
	return 0;
}

static seg_producer_options usual_options(void)
{
	seg_producer_options options;
	seg_producer_options_init(&options);
	options.delivery = hear;
	return options;
}

/* Timeouts for tests in which the connection is down for seconds. */
static seg_producer_options patient_options(void)
{
	seg_producer_options options = usual_options();
	options.when_blocked_ms = 120000;
	options.delivery_timeout_ms = 120000;
	return options;
}

static seg_producer *open_producer(const seg_producer_options *options)
{
	seg_producer *producer;
	seg_error error = {0};
	if (seg_producer_open(stream, options, &producer, &error))
		fail_msg("%s", error.text);
	return producer;
}

/* Sends "k<key>:<number>" with the next number of that key. The opaque is the next of all records. */
static int send_next(seg_producer *producer, int k, long counts[KEYS], long *sent)
{
	char key[8], data[32];
	int key_length = snprintf(key, sizeof(key), "k%d", k);
	int length = snprintf(data, sizeof(data), "%s:%ld", key, counts[k]);
	seg_record record = {.key = key,
			     .key_length = (size_t)key_length,
			     .data = data,
			     .data_length = (size_t)length};
	int status = seg_producer_send(producer, &record, (void *)(uintptr_t)(*sent + 1), NULL);
	if (status == 0) {
		counts[k]++;
		(*sent)++;
	}
	return status;
}

static void close_well(seg_producer *producer)
{
	seg_error error = {0};
	if (seg_producer_close(producer, 120000, &error))
		fail_msg("%s", error.text);
}

static void pause_ms(long ms)
{
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	nanosleep(&pause, NULL);
}

/* --- without faults ---------------------------------------------------------------- */

static void every_record_is_added_once_and_reported_once_in_order(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(send_next(producer, (i * 7) % KEYS, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 30000, NULL), 0);
	assert_each_was_told_once(sent);
	assert_all_were_added(sent);
	assert_int_equal(test_log_check(server, "s", PARTITIONS, KEYS, counts, false), sent);
	close_well(producer);
}

static void a_lone_record_goes_out_when_it_has_lingered(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	long counts[KEYS] = {0}, sent = 0;
	for (int linger_ms = 0; linger_ms <= 200; linger_ms += 100) {
		options.linger_us = (uint32_t)linger_ms * 1000;
		seg_producer *producer = open_producer(&options);
		/* The first send makes the connection; after that only the lingering takes time. */
		assert_int_equal(send_next(producer, 0, counts, &sent), 0);
		assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
		long before = heard_total();
		long long began = test_now_ms();
		assert_int_equal(send_next(producer, 0, counts, &sent), 0);
		while (heard_total() == before && test_now_ms() - began < 5000)
			pause_ms(1);
		/* Not before; and by itself, however busy the machine is. */
		assert_in_range(test_now_ms() - began, linger_ms ? linger_ms - 1 : 0, linger_ms + 4000);
		close_well(producer);
	}
}

static void flushing_does_not_wait_for_the_linger(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.linger_us = 20000000;
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < 10; i++)
		assert_int_equal(send_next(producer, i, counts, &sent), 0);
	long long before = test_now_ms();
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	assert_true(test_now_ms() - before < 5000);
	assert_each_was_told_once(sent);
	close_well(producer);
}

static void closing_sends_what_is_left(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.linger_us = 20000000;
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < 5000; i++)
		assert_int_equal(send_next(producer, i % KEYS, counts, &sent), 0);
	close_well(producer);
	assert_each_was_told_once(sent);
	assert_int_equal(test_log_check(server, "s", PARTITIONS, KEYS, counts, false), sent);
	assert_int_equal(seg_producer_close(NULL, 0, NULL), 0);
}

static void headers_and_binary_data_arrive(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	seg_producer *producer = open_producer(&options);
	seg_header headers[] = {{"h\0x", 3, "\xff\0", 2}};
	seg_record record = {"hextech", 7, "\0\r\n", 3, headers, 1};
	assert_int_equal(seg_producer_send(producer, &record, NULL, NULL), 0);
	close_well(producer);
	redisContext *context = test_server_connect(server);
	redisReply *reply = test_server_command(context, "XRANGE __default:s:partition_%u - +",
						seg_partition_of("hextech", 7, PARTITIONS));
	const redisReply *fields = reply->element[0]->element[1];
	assert_int_equal(fields->elements, 6);
	assert_int_equal(fields->element[3]->len, 3);
	assert_memory_equal(fields->element[3]->str, "\0\r\n", 3);
	assert_memory_equal(fields->element[4]->str, "h\0x", 3);
	assert_memory_equal(fields->element[5]->str, "\xff\0", 2);
	freeReplyObject(reply);
	redisFree(context);
}

static void the_go_codec_writes_its_envelope(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.codec = SEG_CODEC_SEGMENTER_GO;
	seg_producer *producer = open_producer(&options);
	seg_record record = {"k1", 2, "hi", 2, NULL, 0}, bad = {"\xff", 1, "hi", 2, NULL, 0};
	assert_int_equal(seg_producer_send(producer, &record, NULL, NULL), 0);
	assert_int_equal(seg_producer_send(producer, &bad, NULL, NULL), SEG_EINVAL);
	close_well(producer);
	redisContext *context = test_server_connect(server);
	redisReply *reply = test_server_command(context, "XRANGE __default:s:partition_%u - +",
						seg_partition_of("k1", 2, PARTITIONS));
	assert_string_equal(reply->element[0]->element[1]->element[3]->str,
			    "{\"metadata\":{},\"data\":\"aGk=\",\"partitionKey\":\"k1\"}");
	freeReplyObject(reply);
	redisFree(context);
}

static void options_out_of_range_are_refused(void **state)
{
	(void)state;
	seg_producer *producer;
	seg_error error = {0};
	seg_producer_options options = usual_options();
	options.batch_records = 4097;
	assert_int_equal(seg_producer_open(stream, &options, &producer, &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "batch_records is 4097"));
	options = usual_options();
	options.linger_us = 30000000;
	assert_int_equal(seg_producer_open(stream, &options, &producer, &error), SEG_EINVAL);
	options = usual_options();
	options.codec = (seg_codec)9;
	assert_int_equal(seg_producer_open(stream, &options, &producer, &error), SEG_EINVAL);
	assert_int_equal(seg_producer_open(NULL, NULL, &producer, &error), SEG_EINVAL);
	assert_null(producer);
}

static void a_record_over_the_limits_is_not_taken(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.in_flight_bytes = 64 << 10;
	seg_producer *producer = open_producer(&options);
	char *data = calloc(1, 70000);
	seg_record record = {"k", 1, data, 70000, NULL, 0};
	seg_error error = {0};
	assert_int_equal(seg_producer_send(producer, &record, NULL, &error), SEG_ETOOBIG);
	assert_non_null(strstr(error.text, "in_flight_bytes"));
	record.data_length = 65000;
	assert_int_equal(seg_producer_send(producer, &record, NULL, &error), 0);
	free(data);
	close_well(producer);
}

/* --- many threads -------------------------------------------------------------------- */

enum { THREADS = 4, EACH = 30000 };

typedef struct {
	seg_producer *producer;
	int first_key;
	bool failed;
} sender_thread;

static void *send_many(void *arg)
{
	sender_thread *s = arg;
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < EACH && !s->failed; i++)
		s->failed = send_next(s->producer, s->first_key + i % (KEYS / THREADS), counts, &sent);
	return NULL;
}

static void many_threads_may_send_and_each_keys_order_is_kept(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.in_flight_bytes = 128 << 10;
	options.delivery = NULL;
	seg_producer *producer = open_producer(&options);
	pthread_t threads[THREADS];
	sender_thread senders[THREADS];
	for (int t = 0; t < THREADS; t++) {
		senders[t] = (sender_thread){producer, t * (KEYS / THREADS), false};
		assert_int_equal(pthread_create(&threads[t], NULL, send_many, &senders[t]), 0);
	}
	for (int t = 0; t < THREADS; t++) {
		pthread_join(threads[t], NULL);
		assert_false(senders[t].failed);
	}
	close_well(producer);
	long counts[KEYS];
	for (int k = 0; k < KEYS; k++)
		counts[k] = EACH / (KEYS / THREADS);
	assert_int_equal(test_log_check(server, "s", PARTITIONS, KEYS, counts, false), THREADS * EACH);
}

/* --- bounds ------------------------------------------------------------------------------ */

static void without_waiting_a_full_producer_says_so_at_once(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.in_flight_bytes = 64 << 10;
	options.when_blocked_ms = 0;
	kill(server->pid, SIGSTOP);
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	long long before = test_now_ms();
	int status = 0;
	while (sent < 10000 && status == 0)
		status = send_next(producer, (int)sent % KEYS, counts, &sent);
	long long took = test_now_ms() - before;
	kill(server->pid, SIGCONT);
	assert_int_equal(status, SEG_EFULL);
	assert_in_range(sent, 500, 1100);
	assert_true(took < 1000);
	close_well(producer);
	assert_each_was_told_once(sent);
	assert_int_equal(test_log_check(server, "s", PARTITIONS, KEYS, counts, false), sent);
}

static void a_blocked_send_waits_and_gives_up_in_time(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.in_flight_bytes = 64 << 10;
	options.when_blocked_ms = 300;
	kill(server->pid, SIGSTOP);
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	long long before = test_now_ms();
	int status = 0;
	while (sent < 10000 && status == 0)
		status = send_next(producer, 0, counts, &sent);
	long long took = test_now_ms() - before;
	kill(server->pid, SIGCONT);
	assert_int_equal(status, SEG_EFULL);
	assert_in_range(took, 290, 2000);
	close_well(producer);
	assert_int_equal(test_log_check(server, "s", PARTITIONS, KEYS, counts, false), sent);
}

typedef struct {
	seg_producer *producer;
	long wanted;
	atomic_long answered;
	bool failed;
} chain;

/* Each delivery callback sends the next record. */
static void send_another(void *arg, const seg_delivery *delivery)
{
	chain *c = arg;
	c->failed |= delivery->status != SEG_OK;
	if (atomic_fetch_add(&c->answered, 1) + 1 >= c->wanted)
		return;
	seg_record record = {"k", 1, "d", 1, NULL, 0};
	c->failed |= seg_producer_send(c->producer, &record, NULL, NULL) != 0;
}

static void the_delivery_callback_may_send(void **state)
{
	(void)state;
	chain c = {.wanted = 100};
	seg_producer_options options = usual_options();
	options.when_blocked_ms = 0;
	options.linger_us = 0;
	options.delivery = send_another;
	options.delivery_arg = &c;
	c.producer = open_producer(&options);
	seg_record record = {"k", 1, "d", 1, NULL, 0};
	assert_int_equal(seg_producer_send(c.producer, &record, NULL, NULL), 0);
	long long before = test_now_ms();
	while (atomic_load(&c.answered) < c.wanted && test_now_ms() - before < 10000)
		pause_ms(1);
	close_well(c.producer);
	assert_int_equal(atomic_load(&c.answered), c.wanted);
	assert_false(c.failed);
}

/* --- full partitions ----------------------------------------------------------------------- */

static void a_full_partition_takes_what_fits_and_refuses_the_rest(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < 25; i++)
		assert_int_equal(send_next(producer, 0, counts, &sent), 0);
	close_well(producer);
	assert_each_was_told_once(25);
	assert_int_equal(heard_status(SEG_OK), 10);
	assert_int_equal(heard_status(SEG_EFULL), 15);
	assert_non_null(strstr(heard.text, "is full: 10 messages"));
	long ten = 10;
	assert_int_equal(test_log_check(server, "s", PARTITIONS, 1, &ten, false), 10);
}

/* Acts as a consumer of group g: commits everything, so that it may be trimmed. */
static void *commit_all(void *arg)
{
	atomic_bool *over = arg;
	redisContext *context = redisConnectUnix(server->socket);
	uint32_t p = seg_partition_of("k0", 2, PARTITIONS);
	while (!atomic_load(over)) {
		redisReply *reply =
			redisCommand(context, "XREVRANGE __default:s:partition_%u + - COUNT 1", p);
		if (reply && reply->elements == 1)
			freeReplyObject(redisCommand(context, "XGROUP SETID __default:s:partition_%u g %s", p,
						     reply->element[0]->element[0]->str));
		freeReplyObject(reply);
		pause_ms(5);
	}
	redisFree(context);
	return NULL;
}

static void waiting_for_room_keeps_order_and_loses_nothing(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.wait_when_full = 1;
	seg_producer *producer = open_producer(&options);
	atomic_bool over = false;
	pthread_t consumer;
	assert_int_equal(pthread_create(&consumer, NULL, commit_all, &over), 0);
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < 300; i++)
		assert_int_equal(send_next(producer, 0, counts, &sent), 0);
	seg_error error = {0};
	if (seg_producer_flush(producer, 30000, &error))
		fail_msg("%s", error.text);
	atomic_store(&over, true);
	pthread_join(consumer, NULL);
	/* The callback checks that ids rise in the order of sending. */
	assert_each_was_told_once(300);
	assert_int_equal(heard_status(SEG_OK), 300);
	close_well(producer);
}

static void waiting_for_room_ends_with_the_delivery_timeout(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.wait_when_full = 1;
	options.delivery_timeout_ms = 500;
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < 25; i++)
		assert_int_equal(send_next(producer, 0, counts, &sent), 0);
	long long before = test_now_ms();
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	assert_in_range(test_now_ms() - before, 300, 2000);
	assert_each_was_told_once(25);
	assert_int_equal(heard_status(SEG_OK), 10);
	/* Records whose last try was in progress at the timeout have an unknown fate. */
	assert_int_equal(heard_status(SEG_EFULL) + heard_status(SEG_EUNKNOWN), 15);
	close_well(producer);
}

/* --- faults ------------------------------------------------------------------------------------ */

static void a_storm_of_killed_connections_adds_nothing_twice_and_keeps_order(void **state)
{
	(void)state;
	seg_producer_options options = patient_options();
	seg_producer *producer = open_producer(&options);
	test_storm storm;
	test_storm_start(&storm, server, 40);
	long counts[KEYS] = {0}, sent = 0;
	long long until = test_now_ms() + 4000;
	while (test_now_ms() < until)
		for (int k = 0; k < KEYS; k++)
			assert_int_equal(send_next(producer, k, counts, &sent), 0);
	int strikes = test_storm_end(&storm);
	close_well(producer);
	print_message("%ld records, %d strikes\n", sent, strikes);
	assert_true(strikes > 0);
	assert_each_was_told_once(sent);
	assert_all_were_added(sent);
	assert_int_equal(test_log_check(server, "s", PARTITIONS, KEYS, counts, false), sent);
}

typedef struct {
	seg_producer *producer;
	long counts[KEYS];
	long sent;
	atomic_bool over;
	int status;
} steady_sender;

static void *send_steadily(void *arg)
{
	steady_sender *s = arg;
	while (!atomic_load(&s->over) && s->status == 0)
		for (int k = 0; k < KEYS && s->status == 0; k++)
			s->status = send_next(s->producer, k, s->counts, &s->sent);
	return NULL;
}

static void a_redis_killed_and_restarted_adds_nothing_twice_and_loses_nothing(void **state)
{
	(void)state;
	seg_producer_options options = patient_options();
	steady_sender sender = {.producer = open_producer(&options)};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, send_steadily, &sender), 0);
	for (int i = 0; i < 10; i++) {
		pause_ms(200);
		test_server_kill(server);
		test_server_restart(server);
	}
	atomic_store(&sender.over, true);
	pthread_join(thread, NULL);
	assert_int_equal(sender.status, 0);
	close_well(sender.producer);
	print_message("%ld records over 10 restarts\n", sender.sent);
	assert_each_was_told_once(sender.sent);
	assert_all_were_added(sender.sent);
	assert_int_equal(test_log_check(server, "s", PARTITIONS, KEYS, sender.counts, false), sender.sent);
}

static void scripts_that_redis_forgot_are_handed_over_again(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	seg_producer *producer = open_producer(&options);
	redisContext *context = test_server_connect(server);
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < 50; i++) {
		freeReplyObject(test_server_command(context, "SCRIPT FLUSH"));
		for (int k = 0; k < KEYS; k++)
			assert_int_equal(send_next(producer, k, counts, &sent), 0);
		assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	}
	redisFree(context);
	close_well(producer);
	assert_all_were_added(sent);
	assert_int_equal(test_log_check(server, "s", PARTITIONS, KEYS, counts, false), sent);
}

typedef struct {
	seg_producer *producer;
	redisContext *redis;
	long counts[KEYS], sent;
} sending;

static bool sends_and_is_registered(void *arg)
{
	sending *s = arg;
	assert_int_equal(send_next(s->producer, 0, s->counts, &s->sent), 0);
	redisReply *reply = test_server_command(s->redis, "HGET {__default:s}:info partitions");
	bool registered = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "8") == 0;
	freeReplyObject(reply);
	return registered;
}

static bool sends_and_is_refused(void *arg)
{
	sending *s = arg;
	assert_int_equal(send_next(s->producer, 0, s->counts, &s->sent), 0);
	return heard_status(SEG_ESHAPE) > 0;
}

static bool sends_and_is_taken_again(void *arg)
{
	sending *s = arg;
	forget(4000000);
	s->sent = 0;
	assert_int_equal(send_next(s->producer, 0, s->counts, &s->sent), 0);
	assert_int_equal(seg_producer_flush(s->producer, 10000, NULL), 0);
	return heard_status(SEG_OK) == 1;
}

static void a_registration_that_redis_lost_is_made_again_and_another_shape_stops_the_producer(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	sending s = {open_producer(&options), test_server_connect(server), {0}, 0};
	freeReplyObject(test_server_command(s.redis, "FLUSHALL"));
	test_wait_until(sends_and_is_registered, &s, 20000, "the stream is registered again");
	assert_int_equal(seg_producer_flush(s.producer, 10000, NULL), 0);
	assert_all_were_added(s.sent);
	freeReplyObject(test_server_command(s.redis, "HSET {__default:s}:info partitions 4"));
	test_wait_until(sends_and_is_refused, &s, 20000, "records are refused");
	assert_non_null(strstr(heard.text, "exists with 4 partitions"));
	redisReply *reply = test_server_command(s.redis, "HGET {__default:s}:info partitions");
	assert_string_equal(reply->str, "4");
	freeReplyObject(reply);
	freeReplyObject(test_server_command(s.redis, "DEL {__default:s}:info"));
	test_wait_until(sends_and_is_taken_again, &s, 20000, "records are taken again");
	redisFree(s.redis);
	close_well(s.producer);
}

static void records_that_were_never_sent_are_unreachable(void **state)
{
	(void)state;
	test_server_kill(server);
	seg_producer_options options = usual_options();
	options.delivery_timeout_ms = 500;
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < 100; i++)
		assert_int_equal(send_next(producer, i % KEYS, counts, &sent), 0);
	long long before = test_now_ms();
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	assert_in_range(test_now_ms() - before, 400, 2000);
	close_well(producer);
	assert_each_was_told_once(sent);
	assert_int_equal(heard_status(SEG_EUNREACHABLE), sent);
	assert_non_null(strstr(heard.text, server->socket));
	test_server_restart(server);
}

static void records_that_were_sent_and_not_answered_have_an_unknown_fate(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.delivery_timeout_ms = 700;
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	/* One answered record shows that the connection stands. */
	assert_int_equal(send_next(producer, 0, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	kill(server->pid, SIGSTOP);
	for (int i = 0; i < 10; i++)
		assert_int_equal(send_next(producer, 0, counts, &sent), 0);
	int status = seg_producer_flush(producer, 10000, NULL);
	kill(server->pid, SIGCONT);
	assert_int_equal(status, 0);
	assert_int_equal(heard_status(SEG_EUNKNOWN), 10);
	assert_non_null(strstr(heard.text, "may have been added"));
	/* Later records are added after the ten, or without them. */
	for (int i = 0; i < 10; i++)
		assert_int_equal(send_next(producer, 0, counts, &sent), 0);
	close_well(producer);
	assert_each_was_told_once(sent);
	assert_int_equal(heard_status(SEG_OK), 11);
	test_log_check(server, "s", PARTITIONS, 1, counts, true);
}

static void a_redis_out_of_memory_is_waited_for(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	seg_producer *producer = open_producer(&options);
	redisContext *context = test_server_connect(server);
	long counts[KEYS] = {0}, sent = 0;
	freeReplyObject(test_server_command(context, "CONFIG SET maxmemory 1"));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(send_next(producer, i % KEYS, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 300, NULL), SEG_ETIMEOUT);
	assert_int_equal(heard_total(), 0);
	freeReplyObject(test_server_command(context, "CONFIG SET maxmemory 0"));
	redisFree(context);
	close_well(producer);
	assert_all_were_added(sent);
	assert_int_equal(test_log_check(server, "s", PARTITIONS, KEYS, counts, false), sent);
}

static void a_partition_that_fails_does_not_stop_the_others(void **state)
{
	(void)state;
	redisContext *context = test_server_connect(server);
	freeReplyObject(test_server_command(context, "SET __default:s:partition_3 x"));
	seg_producer_options options = usual_options();
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	for (int i = 0; i < 4000; i++)
		assert_int_equal(send_next(producer, i % KEYS, counts, &sent), 0);
	close_well(producer);
	assert_each_was_told_once(sent);
	assert_true(heard_status(SEG_ESERVER) > 0);
	assert_true(heard_status(SEG_OK) > 0);
	assert_int_equal(heard_status(SEG_OK) + heard_status(SEG_ESERVER), sent);
	assert_non_null(strstr(heard.text, "WRONGTYPE"));
	freeReplyObject(test_server_command(context, "DEL __default:s:partition_3"));
	redisFree(context);
	assert_int_equal(test_log_count(server, "s", PARTITIONS), heard_status(SEG_OK));
}

static void closing_never_hangs_and_tells_of_what_was_left(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	seg_producer *producer = open_producer(&options);
	long counts[KEYS] = {0}, sent = 0;
	assert_int_equal(send_next(producer, 0, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	kill(server->pid, SIGSTOP);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(send_next(producer, i % KEYS, counts, &sent), 0);
	seg_error error = {0};
	long long before = test_now_ms();
	int status = seg_producer_close(producer, 200, &error);
	long long took = test_now_ms() - before;
	kill(server->pid, SIGCONT);
	assert_int_equal(status, SEG_ETIMEOUT);
	assert_in_range(took, 190, 1500);
	assert_each_was_told_once(sent);
	assert_true(heard_status(SEG_EUNKNOWN) > 0);
	assert_int_equal(heard_status(SEG_OK) + heard_status(SEG_EUNKNOWN) + heard_status(SEG_ECLOSED), sent);
}

static void *send_until_closed(void *arg)
{
	steady_sender *s = arg;
	while (s->status == 0)
		s->status = send_next(s->producer, 0, s->counts, &s->sent);
	return NULL;
}

static void closing_ends_sends_that_wait_for_room(void **state)
{
	(void)state;
	seg_producer_options options = usual_options();
	options.in_flight_bytes = 64 << 10;
	options.when_blocked_ms = 60000;
	kill(server->pid, SIGSTOP);
	steady_sender sender = {.producer = open_producer(&options)};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, send_until_closed, &sender), 0);
	/* 64 KiB take a moment to fill. If the send does not wait by then, the test holds as well. */
	pause_ms(200);
	long long before = test_now_ms();
	int status = seg_producer_close(sender.producer, 100, NULL);
	long long took = test_now_ms() - before;
	kill(server->pid, SIGCONT);
	pthread_join(thread, NULL);
	assert_int_equal(sender.status, SEG_ECLOSED);
	assert_int_equal(status, SEG_ETIMEOUT);
	assert_true(took < 2000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define TEST_SMALL(name) cmocka_unit_test_setup_teardown(name, start_small, stop)
#define TEST_DURABLE(name) cmocka_unit_test_setup_teardown(name, start_durable, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_record_is_added_once_and_reported_once_in_order),
		TEST(a_lone_record_goes_out_when_it_has_lingered),
		TEST(flushing_does_not_wait_for_the_linger),
		TEST(closing_sends_what_is_left),
		TEST(headers_and_binary_data_arrive),
		TEST(the_go_codec_writes_its_envelope),
		TEST(options_out_of_range_are_refused),
		TEST(a_record_over_the_limits_is_not_taken),
		TEST(many_threads_may_send_and_each_keys_order_is_kept),
		TEST(without_waiting_a_full_producer_says_so_at_once),
		TEST(a_blocked_send_waits_and_gives_up_in_time),
		TEST(the_delivery_callback_may_send),
		TEST_SMALL(a_full_partition_takes_what_fits_and_refuses_the_rest),
		TEST_SMALL(waiting_for_room_keeps_order_and_loses_nothing),
		TEST_SMALL(waiting_for_room_ends_with_the_delivery_timeout),
		TEST(a_storm_of_killed_connections_adds_nothing_twice_and_keeps_order),
		TEST_DURABLE(a_redis_killed_and_restarted_adds_nothing_twice_and_loses_nothing),
		TEST(scripts_that_redis_forgot_are_handed_over_again),
		TEST(a_registration_that_redis_lost_is_made_again_and_another_shape_stops_the_producer),
		TEST(records_that_were_never_sent_are_unreachable),
		TEST(records_that_were_sent_and_not_answered_have_an_unknown_fate),
		TEST(a_redis_out_of_memory_is_waited_for),
		TEST(a_partition_that_fails_does_not_stop_the_others),
		TEST(closing_never_hangs_and_tells_of_what_was_left),
		TEST(closing_ends_sends_that_wait_for_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
