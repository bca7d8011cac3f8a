/*
 * test_broken_server.c - a server that sends replies which no Redis would send: every caller gets an error in
 * time, memory and the number of tries stay bounded, and everything reported as added or committed really is.
 *
 * Seeds draw the cases, some hundred for each of the library's four entry points. Many cases run at a time,
 * because most of them wait for their timeout.
 */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/fake_server.h"
#include "harness/rig.h"
#include "redis/script.h"

enum {
	SEEDS = 300,  /* for each way in */
	AT_ONCE = 24, /* cases */
	PARTITIONS = 2,
	RECORDS = 12,
	TIMEOUT_MS = 150, /* of a call */
	SLACK_MS = 5000,  /* allowance for a busy machine */
	RUN_MS = 1000,    /* how long an always-broken server is watched */
	OPEN_MS = 30000,  /* for a server that breaks nothing, on a busy machine */
};

/* --- cases, many at a time ------------------------------------------------------------------- */

typedef struct test_case test_case;

struct test_case {
	void (*run)(test_case *);
	int number;
	test_fake_plan plan;
	uint32_t timeout_ms;
	char stream[24];
	test_fake_server *fake;
	seg_client *client;
	seg_stream *opened;
	unsigned long connections, commands, broken;
	long long took_ms;
	bool good; /* every call succeeded */
	char failure[400];
};

/* Keeps the first fault found. Only the main thread may use cmocka's own assertions. */
__attribute__((format(printf, 2, 3))) static void fault_found(test_case *c, const char *format, ...)
{
	char text[300];
	va_list args;
	if (c->failure[0])
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(c->failure, sizeof(c->failure), "%s, seed %" PRIu64 ", reply %u, period %u, keep %u: %s",
		 test_fault_name(c->plan.fault), c->plan.seed, c->plan.at, c->plan.period, c->plan.keep,
		 text);
}

typedef struct {
	test_case *cases;
	int count;
	atomic_int next;
} queue;

static void *run_cases(void *arg)
{
	queue *q = arg;
	for (int i; (i = atomic_fetch_add(&q->next, 1)) < q->count;) {
		test_case *c = &q->cases[i];
		c->number = i;
		c->good = true;
		snprintf(c->stream, sizeof(c->stream), "s%d", i);
		c->fake = test_fake_server_start(rig.server);
		long long began = test_now_ms();
		c->run(c);
		c->took_ms = test_now_ms() - began;
		c->connections = test_fake_server_connections(c->fake);
		c->commands = test_fake_server_commands(c->fake);
		c->broken = test_fake_server_broken(c->fake);
		test_fake_server_stop(c->fake);
	}
	return NULL;
}

static void run_all(test_case *cases, int count)
{
	queue q = {cases, count, 0};
	pthread_t threads[AT_ONCE];
	int failures = 0;
	test_rig_tell("FLUSHALL");
	for (int i = 0; i < AT_ONCE; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_cases, &q), 0);
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < count; i++) {
		if (!cases[i].failure[0])
			continue;
		if (failures++ < 10)
			print_error("case %d: %s\n", i, cases[i].failure);
	}
	if (failures)
		fail_msg("%d of %d cases failed", failures, count);
}

/* Draws the same faults for each entry point. The broken reply is one of the first `replies`. */
static void run_seeds(void (*run)(test_case *), unsigned replies)
{
	test_case *cases = calloc(SEEDS, sizeof(*cases));
	assert_non_null(cases);
	for (int i = 0; i < SEEDS; i++) {
		unsigned round = (unsigned)i / (TEST_FAULTS - 1);
		cases[i].run = run;
		cases[i].timeout_ms = TIMEOUT_MS;
		cases[i].plan = (test_fake_plan){
			.fault = (test_fault)(1 + i % (TEST_FAULTS - 1)),
			.seed = (uint64_t)i,
			.at = (round * 7) % replies,
			/* Once; or repeatedly, but rarely enough for a connection to be established. */
			.period = round % 2 ? 0 : 17,
		};
	}
	run_all(cases, SEEDS);
	int met = 0, good = 0;
	for (int i = 0; i < SEEDS; i++) {
		met += cases[i].broken > 0;
		good += cases[i].good;
	}
	print_message("%d cases: the fault came in %d, every call succeeded in %d\n", SEEDS, met, good);
	assert_true(met >= SEEDS / 2);
	free(cases);
}

/* --- the rules for every call --------------------------------------------------------------- */

static void check_time(test_case *c, const char *what, long long began, uint32_t timeout_ms)
{
	long long took = test_now_ms() - began;
	if (took > timeout_ms + SLACK_MS)
		fault_found(c, "%s took %lld ms, its timeout is %" PRIu32, what, took, timeout_ms);
}

static void check_text(test_case *c, const char *what, const char *text)
{
	if (!text || !*text)
		fault_found(c, "%s failed without a word", what);
	for (const char *byte = text; byte && *byte; byte++)
		if ((unsigned char)*byte < ' ' || *byte == 0x7f)
			fault_found(c, "%s says something with a control character: %s", what, text);
}

/* Checks the time and the error text of a call; returns whether the call succeeded. */
static bool check(test_case *c, const char *what, long long began, uint32_t timeout_ms, int status,
		  const seg_error *error)
{
	check_time(c, what, began, timeout_ms);
	if (status >= 0)
		return true;
	c->good = false;
	if (error->status != status)
		fault_found(c, "%s returned %d, but its error says %d", what, status, error->status);
	check_text(c, what, error->text);
	return false;
}

/*
 * Whether the fault only withholds parts of right replies. Then everything the library reports must be true.
 */
static bool is_honest(const test_case *c)
{
	switch (c->plan.fault) {
	case TEST_FAULT_NONE:
	case TEST_FAULT_CUT:
	case TEST_FAULT_HALF:
	case TEST_FAULT_SILENCE:
	case TEST_FAULT_DRIP:
		return true;
	default:
		return false;
	}
}

static bool open_client(test_case *c, const char *address)
{
	seg_client_options options;
	seg_error error = {0};
	seg_client_options_init(&options);
	options.address = address;
	options.timeout_ms = c->timeout_ms;
	options.connect_timeout_ms = c->timeout_ms;
	long long began = test_now_ms();
	int status = seg_client_open(&options, &c->client, &error);
	return check(c, "seg_client_open", began, 2 * c->timeout_ms, status, &error);
}

static void close_client(test_case *c)
{
	if (c->opened)
		seg_stream_close(c->opened);
	seg_client_close(c->client);
	c->opened = NULL;
	c->client = NULL;
}

/* Opens through the fake server before it breaks anything. A busy machine may need several timeouts. */
static bool open_stream(test_case *c)
{
	seg_stream_shape shape = {PARTITIONS, 1000, SEG_OVERFLOW_REJECT};
	seg_client_options options;
	seg_error error = {0};
	seg_client_options_init(&options);
	options.address = test_fake_server_address(c->fake);
	options.timeout_ms = c->timeout_ms;
	for (long long deadline = test_now_ms() + OPEN_MS; test_now_ms() < deadline;) {
		if (seg_client_open(&options, &c->client, &error) == 0 &&
		    seg_stream_register(c->client, c->stream, &shape, &c->opened, &error) == 0)
			return true;
		close_client(c);
	}
	fault_found(c, "a server that breaks nothing is not opened: %s", error.text);
	return false;
}

static seg_record record_of(int number, char text[16])
{
	int length = snprintf(text, 16, "%d", number);
	return (seg_record){text, (size_t)length, text, (size_t)length, NULL, 0};
}

/* How often each number is in the stream. A number of RECORDS or more is a fault. */
static void count_records(test_case *c, int counts[RECORDS])
{
	redisContext *redis = redisConnectUnix(rig.server->socket);
	memset(counts, 0, RECORDS * sizeof(*counts));
	for (int p = 0; redis && p < PARTITIONS; p++) {
		redisReply *log = redisCommand(redis, "XRANGE __default:%s:partition_%d - +", c->stream, p);
		for (size_t i = 0; log && i < log->elements; i++) {
			int number = atoi(log->element[i]->element[1]->element[3]->str);
			if (number >= 0 && number < RECORDS)
				counts[number]++;
		}
		if (log)
			freeReplyObject(log);
	}
	redisFree(redis);
}

/* statuses: each record's reported fate; 1: none, because the record was not accepted. */
static void check_records(test_case *c, const int statuses[RECORDS])
{
	int counts[RECORDS];
	count_records(c, counts);
	for (int i = 0; i < RECORDS; i++) {
		bool must = statuses[i] == SEG_OK,
		     must_not = statuses[i] != SEG_OK && statuses[i] != SEG_EUNKNOWN;
		if (counts[i] > 1)
			fault_found(c, "record %d was added %d times", i, counts[i]);
		if (is_honest(c) && must && counts[i] == 0)
			fault_found(c, "record %d is not there, but was said to be added", i);
		if (is_honest(c) && must_not && counts[i] > 0)
			fault_found(c, "record %d is there, but its status is %d", i, statuses[i]);
	}
}

/* --- the four ways in -------------------------------------------------------------------------------- */

static void open_a_client(test_case *c)
{
	test_fake_server_arm(c->fake, &c->plan);
	open_client(c, test_fake_server_address(c->fake));
	close_client(c);
}

static void send_records(test_case *c)
{
	int statuses[RECORDS];
	if (!open_stream(c))
		return;
	test_fake_server_arm(c->fake, &c->plan);
	for (int i = 0; i < RECORDS; i++) {
		char text[16];
		seg_record record = record_of(i, text);
		seg_error error = {0};
		long long began = test_now_ms();
		/* After two timeouts, further sends show nothing new. */
		statuses[i] = c->good || i < 2 ? seg_stream_send(c->opened, &record, NULL, &error) : 1;
		check(c, "seg_stream_send", began, c->timeout_ms, statuses[i], &error);
	}
	check_records(c, statuses);
	close_client(c);
}

typedef struct {
	test_case *owner;
	int told[RECORDS], statuses[RECORDS];
} deliveries;

static void note_delivery(void *arg, const seg_delivery *delivery)
{
	deliveries *d = arg;
	int number = (int)(intptr_t)delivery->opaque;
	d->told[number]++;
	d->statuses[number] = delivery->status;
	if (delivery->status == SEG_OK)
		return;
	d->owner->good = false;
	check_text(d->owner, "a delivery", delivery->text);
}

static void produce_records(test_case *c)
{
	deliveries d = {.owner = c};
	seg_producer_options options;
	seg_producer *producer;
	seg_error error = {0};
	int taken[RECORDS];
	if (!open_stream(c))
		return;
	test_fake_server_arm(c->fake, &c->plan);
	seg_producer_options_init(&options);
	options.linger_us = 0;
	options.batch_records = 3;
	options.delivery_timeout_ms = c->timeout_ms;
	options.delivery = note_delivery;
	options.delivery_arg = &d;
	long long began = test_now_ms();
	if (seg_producer_open(c->opened, &options, &producer, &error)) {
		fault_found(c, "no producer: %s", error.text);
		return;
	}
	for (int i = 0; i < RECORDS; i++) {
		char text[16];
		seg_record record = record_of(i, text);
		d.statuses[i] = 1;
		taken[i] = seg_producer_send(producer, &record, (void *)(intptr_t)i, &error) == 0;
	}
	seg_producer_flush(producer, c->timeout_ms, &error);
	seg_producer_close(producer, c->timeout_ms, &error);
	check_time(c, "producing", began, 2 * c->timeout_ms);
	for (int i = 0; i < RECORDS; i++)
		if (d.told[i] != taken[i])
			fault_found(c, "record %d's fate was told %d times", i, d.told[i]);
	check_records(c, d.statuses);
	close_client(c);
}

/* The group's position in Redis; 0-0 if it has none. */
static seg_id position_of(test_case *c, uint32_t partition)
{
	seg_id position = {0, 0};
	redisContext *redis = redisConnectUnix(rig.server->socket);
	redisReply *groups =
		redisCommand(redis, "XINFO GROUPS __default:%s:partition_%u", c->stream, (unsigned)partition);
	if (groups && groups->type == REDIS_REPLY_ARRAY && groups->elements == 1) {
		const redisReply *group = groups->element[0];
		for (size_t i = 0; i + 1 < group->elements; i += 2)
			if (strcmp(group->element[i]->str, "last-delivered-id") == 0)
				seg_id_parse(group->element[i + 1]->str, &position);
	}
	if (groups)
		freeReplyObject(groups);
	redisFree(redis);
	return position;
}

static void handle_batch(test_case *c, seg_consumer *consumer, const seg_batch *batch,
			 seg_id handled[PARTITIONS])
{
	seg_error error = {0};
	if (batch->partition >= PARTITIONS || batch->count == 0) {
		fault_found(c, "a batch of %zu messages of partition %" PRIu32, batch->count,
			    batch->partition);
		return;
	}
	const seg_message *last = &batch->messages[batch->count - 1];
	for (size_t i = 1; i < batch->count; i++)
		if (seg_id_compare(batch->messages[i - 1].id, batch->messages[i].id) >= 0)
			fault_found(c, "ids of a batch do not rise");
	/* Note it before the call: the message may be committed as soon as it is marked. */
	if (seg_id_compare(last->id, handled[batch->partition]) > 0)
		handled[batch->partition] = last->id;
	if (seg_consumer_commit(consumer, batch, batch->count, &error))
		check_text(c, "seg_consumer_commit", error.text);
	seg_consumer_release(consumer, batch);
}

static void consume_records(test_case *c)
{
	seg_id handled[PARTITIONS] = {{0, 0}};
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_error error = {0};
	if (!open_stream(c))
		return;
	for (int i = 0; i < RECORDS; i++) {
		char text[16];
		seg_record record = record_of(i, text);
		seg_stream_send(c->opened, &record, NULL, NULL);
	}
	test_fake_server_arm(c->fake, &c->plan);
	seg_consumer_options_init(&options);
	options.group = "g";
	options.batch_size = 3;
	options.session_timeout_ms = 500;
	long long began = test_now_ms();
	int status = seg_consumer_open(c->client, c->stream, &options, &consumer, &error);
	if (check(c, "seg_consumer_open", began, c->timeout_ms, status, &error)) {
		long long end = test_now_ms() + c->timeout_ms;
		while (test_now_ms() < end) {
			const seg_batch *batch;
			began = test_now_ms();
			status = seg_consumer_poll(consumer, 20, &batch, &error);
			check(c, "seg_consumer_poll", began, 20, status, &error);
			if (status == 1)
				handle_batch(c, consumer, batch, handled);
			if (status < 0)
				break;
		}
		began = test_now_ms();
		status = seg_consumer_close(consumer, c->timeout_ms, &error);
		check(c, "seg_consumer_close", began, c->timeout_ms, status, &error);
	}
	for (uint32_t p = 0; p < PARTITIONS; p++)
		if (seg_id_compare(position_of(c, p), handled[p]) > 0)
			fault_found(c, "partition %" PRIu32 " is committed behind what was handled", p);
	close_client(c);
}

static void a_client_that_opens_gets_its_error_in_time(void **state)
{
	(void)state;
	run_seeds(open_a_client, 14);
}

static void a_send_gets_its_error_in_time_and_adds_nothing_twice(void **state)
{
	(void)state;
	run_seeds(send_records, 12);
}

static void a_producer_tells_each_records_fate_once_and_adds_nothing_twice(void **state)
{
	(void)state;
	run_seeds(produce_records, 15);
}

static void a_consumer_commits_nothing_that_was_not_handled(void **state)
{
	(void)state;
	run_seeds(consume_records, 50);
}

/* --- connections that are cut -------------------------------------------------------------------------- */

static void recover(void (*run)(test_case *), unsigned at, unsigned bytes)
{
	test_case *cases = calloc(bytes, sizeof(*cases));
	assert_non_null(cases);
	for (unsigned i = 0; i < bytes; i++)
		cases[i] = (test_case){
			.run = run,
			.plan = {.fault = TEST_FAULT_CUT, .seed = i, .at = at, .keep = i},
			.timeout_ms = 5000,
		};
	run_all(cases, (int)bytes);
	for (unsigned i = 0; i < bytes; i++)
		if (!cases[i].good || cases[i].broken != 1)
			fail_msg("after a cut at byte %u: %lu replies broken, and no recovery", i,
				 cases[i].broken);
	free(cases);
}

static void an_answer_cut_at_any_byte_is_asked_for_again(void **state)
{
	(void)state;
	/* *3 $2 OK $15 1700000000000-0 :1 */
	recover(send_records, 1, 45);
	recover(produce_records, 14, 45);
}

static void a_connection_cut_while_it_is_prepared_is_made_again(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 14; at++)
		recover(open_a_client, at, 8);
}

/* --- a reply of another type ------------------------------------------------------------------------------- */

/* A nil replaces HMGET's array. It does not say whether the stream exists. */
static void open_behind_a_nil(test_case *c)
{
	seg_stream *again = NULL;
	seg_error error = {0};
	if (!open_stream(c))
		return;
	test_fake_server_arm(c->fake, &c->plan);
	int status = seg_stream_open(c->client, c->stream, &again, &error);
	if (status != SEG_EPROTOCOL)
		fault_found(c, "seg_stream_open returned %d: %s", status, error.text);
	if (again)
		seg_stream_close(again);
	close_client(c);
}

static void a_stream_is_not_called_missing_for_a_reply_of_another_type(void **state)
{
	(void)state;
	static test_case one;
	one = (test_case){.run = open_behind_a_nil, .plan = {.fault = TEST_FAULT_NIL}, .timeout_ms = RUN_MS};
	run_all(&one, 1);
}

/* --- servers that are always broken ----------------------------------------------------------------------- */

/*
 * Above these numbers per second, a client would harm a server in trouble. The pauses between a link's attempts are random,
 * at least half of 50, 100, 200, 400 ms and so on. Each attempt loads the scripts, and sends at most 6 more commands.
 */
enum { PAUSE_MS = 50, PAUSE_MOST_MS = 2000, COMMANDS_MOST = SEG_SCRIPT_COUNT + 6 };

/* Of one link: the connection that the server breaks, and an attempt after each of the shortest pauses. */
static unsigned long attempts_most(long long took_ms)
{
	unsigned long attempts = 1;
	for (long long pause = PAUSE_MS, at = pause / 2; at <= took_ms; at += pause / 2) {
		attempts++;
		pause = pause * 2 < PAUSE_MOST_MS ? pause * 2 : PAUSE_MOST_MS;
	}
	return attempts;
}

static void clients_ask_an_always_broken_server_less_and_less_often(void **state)
{
	(void)state;
	void (*const ways[])(test_case *) = {open_a_client, send_records, produce_records, consume_records};
	/* The client's link; a producer's; a member's control, data, blocking and commits. */
	const unsigned links[] = {1, 1, 2, 5};
	const unsigned places[] = {0, 14, 30};
	enum { WAYS = 4, PLACES = 3, VARIANTS = 2, CASES = WAYS * PLACES * VARIANTS * (TEST_FAULTS - 1) };
	static test_case cases[CASES];
	unsigned long most_connections = 0, most_commands = 0;
	memset(cases, 0, sizeof(cases));
	for (int i = 0; i < CASES; i++)
		cases[i] = (test_case){
			.run = ways[i % WAYS],
			.plan = {.fault = (test_fault)(1 + i / WAYS % (TEST_FAULTS - 1)),
				 .seed = (uint64_t)i,
				 .at = places[i / WAYS / (TEST_FAULTS - 1) % PLACES],
				 .period = 1},
			.timeout_ms = RUN_MS,
		};
	run_all(cases, CASES);
	for (int i = 0; i < CASES; i++) {
		const test_case *c = &cases[i];
		unsigned long most =
			attempts_most(c->took_ms > RUN_MS ? c->took_ms : RUN_MS) * links[i % WAYS];
		if (c->connections > most || c->commands > most * COMMANDS_MOST)
			fail_msg(
				"case %d (%s from reply %u on, way %d): %lu connections, %lu commands in %lld ms",
				i, test_fault_name(c->plan.fault), c->plan.at, i % WAYS, c->connections,
				c->commands, c->took_ms);
		if (c->connections > most_connections)
			most_connections = c->connections;
		if (c->commands > most_commands)
			most_commands = c->commands;
	}
	print_message("at most %lu connections and %lu commands\n", most_connections, most_commands);
}

/* --- memory ------------------------------------------------------------------------------------------------ */

/* The peak of resident memory since the last call, in KiB. */
static long peak_memory(void)
{
	char line[256];
	long peak = 0;
	FILE *status = fopen("/proc/self/status", "r");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %ld", &peak) == 1)
			break;
	if (status)
		fclose(status);
	FILE *reset = fopen("/proc/self/clear_refs", "w");
	if (reset) {
		fputs("5", reset);
		fclose(reset);
	}
	return peak;
}

static void an_announced_length_takes_no_memory(void **state)
{
	(void)state;
	enum { CASES = 96 };
	test_case *cases = calloc(CASES, sizeof(*cases));
	assert_non_null(cases);
	void (*const ways[])(test_case *) = {open_a_client, send_records, produce_records, consume_records};
	for (unsigned i = 0; i < CASES; i++)
		cases[i] = (test_case){
			.run = ways[i % 4],
			.plan = {.fault = TEST_FAULT_HUGE, .seed = i, .at = i / 4, .period = 13},
			.timeout_ms = TIMEOUT_MS,
		};
	peak_memory();
	long before = peak_memory();
	run_all(cases, CASES);
	long grown = peak_memory() - before;
	free(cases);
	print_message("memory grew by %ld KiB with %d cases at a time\n", grown, AT_ONCE);
	assert_true(grown < 512 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_that_opens_gets_its_error_in_time),
		cmocka_unit_test(a_send_gets_its_error_in_time_and_adds_nothing_twice),
		cmocka_unit_test(a_producer_tells_each_records_fate_once_and_adds_nothing_twice),
		cmocka_unit_test(a_consumer_commits_nothing_that_was_not_handled),
		cmocka_unit_test(an_answer_cut_at_any_byte_is_asked_for_again),
		cmocka_unit_test(a_connection_cut_while_it_is_prepared_is_made_again),
		cmocka_unit_test(a_stream_is_not_called_missing_for_a_reply_of_another_type),
		cmocka_unit_test(clients_ask_an_always_broken_server_less_and_less_often),
		cmocka_unit_test(an_announced_length_takes_no_memory),
	};
	return cmocka_run_group_tests(tests, test_rig_set_up, test_rig_tear_down);
}
