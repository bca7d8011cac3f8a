/* test_observer.c - the admin server's observer with a Redis that answers, answers slowly, or not at all. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/observer.h"
#include "harness/fake_server.h"
#include "harness/rig.h"

enum { PARTITIONS = 64, PATIENCE_MS = 120000 };

static test_fake_server *proxy; /* the server to which the observer connects */
static seg_observer *observer;

static seg_config_consumer consumers[] = {
	{.name = "a", .stream = "s", .group = "absent"},
	{.name = "b", .stream = "s", .group = "g"},
};
static seg_config config = {.consumers = consumers, .consumer_count = 2};
enum { ABSENT, LAGGING };

/* A group that lags by one message in each partition, written as keys in Redis. */
static void make_lagging_group(void)
{
	test_rig_tell("SADD {__default:s}:groups g");
	for (int p = 0; p < PARTITIONS; p++)
		test_rig_tell("XADD __default:s:partition_%d 5-0 partitionKey k data d", p);
}

static int set_up(void **state)
{
	seg_client_options options;
	test_rig_set_up(state);
	proxy = test_fake_server_start(rig.server);
	test_rig_register("s", &(seg_stream_shape){.partitions = PARTITIONS, .partition_size = 1000});
	make_lagging_group();
	seg_client_options_init(&options);
	options.address = test_fake_server_address(proxy);
	observer = seg_observer_start(&config, &options, NULL, NULL, NULL);
	assert_non_null(observer);
	return 0;
}

static int tear_down(void **state)
{
	seg_observer_stop(observer);
	observer = NULL;
	test_fake_server_stop(proxy);
	return test_rig_tear_down(state);
}

static bool lag_was_read(void *arg)
{
	(void)arg;
	seg_observer_refresh(observer, 0);
	bool read = seg_observer_hold(observer, LAGGING).group != NULL;
	seg_observer_let_go(observer);
	return read;
}

static int64_t taken_at(void)
{
	int64_t at = seg_observer_hold(observer, LAGGING).taken_at;
	seg_observer_let_go(observer);
	return at;
}

/* Refreshes. Returns whether the observer then read: it does not while the last reading is fresh. */
static bool reads_again(void *arg)
{
	const int64_t *before = arg;
	seg_observer_refresh(observer, 0);
	return taken_at() != *before;
}

static bool servers_were_looked_at(void *arg)
{
	(void)arg;
	seg_observer_refresh(observer, 0);
	bool looked = seg_observer_hold_servers(observer).servers != NULL;
	seg_observer_let_go(observer);
	return looked;
}

/* From now on Redis falls silent in every reading at the question for the oldest messages. */
static void silence_the_end_of_readings(void)
{
	/* That look follows the first reading; its commands are not a reading's. */
	test_wait_until(servers_were_looked_at, NULL, PATIENCE_MS, "a look at Redis");
	int64_t before = taken_at();
	unsigned long commands = test_fake_server_commands(proxy);
	test_wait_until(reads_again, &before, PATIENCE_MS, "a second reading");
	unsigned a_reading = (unsigned)(test_fake_server_commands(proxy) - commands);
	assert_true(a_reading > PARTITIONS);
	test_fake_server_arm(proxy, &(test_fake_plan){.fault = TEST_FAULT_SILENCE,
						      .at = a_reading - PARTITIONS,
						      .period = 1});
}

static bool is_waiting_for_redis(void *arg)
{
	(void)arg;
	return test_fake_server_broken(proxy) > 0;
}

static bool has_waited_for_redis(void *arg)
{
	seg_observer_refresh(observer, 0);
	return is_waiting_for_redis(arg);
}

static bool no_answer_is_known(void *arg)
{
	(void)arg;
	seg_observer_refresh(observer, 0);
	const seg_server_look *look = &seg_observer_hold_servers(observer).servers->list[0];
	bool known = !look->answers && look->round_trip < 0 && look->used_memory > 0;
	seg_observer_let_go(observer);
	return known;
}

static void *wait_for_redis(void *arg)
{
	test_wait_until(has_waited_for_redis, arg, PATIENCE_MS, "a reading that waits");
	return NULL;
}

static void stop(void)
{
	seg_observer_stop(observer);
	observer = NULL;
}

/* --- readings ------------------------------------------------------------------------------ */

static void a_group_is_read_with_the_age_of_its_oldest_messages(void **state)
{
	(void)state;
	test_wait_until(lag_was_read, NULL, PATIENCE_MS, "a reading");
	seg_observation seen = seg_observer_hold(observer, LAGGING);
	assert_string_equal(seen.error, "");
	assert_int_equal(seen.group->partition_count, PARTITIONS);
	for (int p = 0; p < PARTITIONS; p++) {
		assert_true(seen.group->partitions[p].waiting);
		assert_int_equal(seen.group->partitions[p].oldest.ms, 5);
		/* The message's id dates from 1970. */
		assert_true(seen.group->partitions[p].behind > 1e9);
	}
	seg_observer_let_go(observer);
}

static void a_group_that_does_not_exist_keeps_no_other_from_being_read(void **state)
{
	(void)state;
	test_wait_until(lag_was_read, NULL, PATIENCE_MS, "a reading");
	seg_observation absent = seg_observer_hold(observer, ABSENT);
	assert_null(absent.group);
	assert_non_null(strstr(absent.error, "there is no such group"));
	seg_observer_let_go(observer);
}

/* --- dead letters --------------------------------------------------------------------------- */

static void add_letter(int partition, const char *reason, const char *data)
{
	test_rig_tell("XADD {__default:s:partition_%d}:g:dead * reason %s time_ms %s data %s", partition,
		      reason, "99999999999999999999999", data);
}

static bool letters_were_read(void *arg)
{
	(void)arg;
	seg_observer_refresh(observer, 0);
	bool read = seg_observer_hold(observer, LAGGING).letters != NULL;
	seg_observer_let_go(observer);
	return read;
}

static void of_letters_that_another_program_wrote_little_is_read(void **state)
{
	(void)state;
	enum { LONG = 4000, LARGE = 2 << 20 };
	char *reason = calloc(1, LONG + 1), *large = malloc(LARGE + 1);
	assert_true(reason && large);
	for (int i = 0; i < LONG; i += 2)
		memcpy(reason + i, "\xc3\xa9", 2);
	memset(large, 'x', LARGE);
	large[LARGE] = '\0';
	add_letter(0, reason, "d");
	for (int i = 0; i < 3; i++)
		add_letter(5, "large", large);
	free(large);
	test_wait_until(letters_were_read, NULL, PATIENCE_MS, "a look at the letters");
	/* A failing assertion would leave the observer held. */
	seg_letters letters = *seg_observer_hold(observer, LAGGING).letters;
	char first[LONG + 1] = "", second[LONG + 1] = "";
	const seg_reason *list = letters.reasons.list;
	if (letters.reasons.count > 0)
		snprintf(first, sizeof(first), "%s", list[0].text);
	if (letters.reasons.count > 1)
		snprintf(second, sizeof(second), "%s", list[1].text);
	seg_observer_let_go(observer);
	assert_int_equal(letters.partitions, 2);
	assert_int_equal(letters.partitions_read, 2);
	assert_int_equal(letters.reasons.count, 2);
	/* The first large letter was the last one to read; the other reason ends with a whole character. */
	assert_int_equal(letters.reasons.letters, 2);
	assert_string_equal(first, "large");
	assert_int_equal(strlen(second), 1022);
	assert_memory_equal(second, reason, 1022);
	free(reason);
}

/* --- Redis itself -------------------------------------------------------------------------- */

static void redis_tells_its_memory_its_disk_and_how_long_it_takes_to_answer(void **state)
{
	(void)state;
	test_wait_until(servers_were_looked_at, NULL, PATIENCE_MS, "a look at Redis");
	seg_observed_servers seen = seg_observer_hold_servers(observer);
	assert_false(seen.servers->cluster);
	assert_int_equal(seen.servers->count, 1);
	const seg_server_look *look = &seen.servers->list[0];
	assert_true(look->answers && look->round_trip > 0 && look->round_trip < 60);
	assert_string_equal(look->refusal, "");
	assert_true(look->used_memory > 0);
	assert_true(look->clients > 0);
	assert_int_equal(look->max_memory, 0);
	assert_int_equal(look->replicas, 0);
	assert_int_equal(look->replicas_behind, -1);
	assert_int_equal(look->save_fails, 0);
	assert_string_equal(look->role, "master");
	/* The server was started without an append-only file, and without snapshots. */
	assert_int_equal(look->appends, 0);
	assert_int_equal(look->plans_snapshots, 0);
	assert_int_equal(look->saved_at, 0);
	seg_observer_let_go(observer);
}

static void redis_tells_that_it_is_to_take_snapshots(void **state)
{
	(void)state;
	test_rig_tell("CONFIG SET save %s", "3600 1");
	test_wait_until(servers_were_looked_at, NULL, PATIENCE_MS, "a look at Redis");
	seg_observed_servers seen = seg_observer_hold_servers(observer);
	assert_int_equal(seen.servers->list[0].plans_snapshots, 1);
	seg_observer_let_go(observer);
}

static void what_a_user_may_not_ask_is_not_known_and_the_rest_is(void **state)
{
	(void)state;
	seg_client_options options;
	test_rig_tell("ACL SETUSER viewer on >pw ~* &* +@all -info");
	stop();
	seg_client_options_init(&options);
	options.address = rig.server->address;
	options.user = "viewer";
	options.password = "pw";
	observer = seg_observer_start(&config, &options, NULL, NULL, NULL);
	assert_non_null(observer);
	test_wait_until(servers_were_looked_at, NULL, PATIENCE_MS, "a look at Redis");
	seg_observed_servers seen = seg_observer_hold_servers(observer);
	const seg_server_look *look = &seen.servers->list[0];
	assert_true(look->answers && look->round_trip > 0);
	assert_non_null(strstr(look->refusal, "NOPERM"));
	assert_int_equal(look->used_memory, -1);
	assert_int_equal(look->appends, -1);
	seg_observer_let_go(observer);
	assert_true(lag_was_read(NULL));
}

/* --- a Redis that does not answer ------------------------------------------------------------------ */

static void a_stop_does_not_wait_a_second_for_each_lagging_partition(void **state)
{
	(void)state;
	test_wait_until(lag_was_read, NULL, PATIENCE_MS, "a reading");
	silence_the_end_of_readings();
	wait_for_redis(NULL);
	long long before = test_now_ms();
	stop();
	assert_true(test_now_ms() - before < 3000);
}

static void a_stop_interrupts_a_reading_and_those_who_wait_for_it(void **state)
{
	(void)state;
	pthread_t thread;
	test_wait_until(lag_was_read, NULL, PATIENCE_MS, "a reading");
	silence_the_end_of_readings();
	assert_int_equal(pthread_create(&thread, NULL, wait_for_redis, NULL), 0);
	test_wait_until(is_waiting_for_redis, NULL, PATIENCE_MS, "a reading that waits");
	long long before = test_now_ms();
	seg_observer_cancel(observer);
	pthread_join(thread, NULL);
	stop();
	assert_true(test_now_ms() - before < 700);
}

static void the_last_reading_stays_while_redis_is_silent(void **state)
{
	(void)state;
	test_wait_until(lag_was_read, NULL, PATIENCE_MS, "a reading");
	silence_the_end_of_readings();
	wait_for_redis(NULL);
	seg_observation seen = seg_observer_hold(observer, LAGGING);
	assert_non_null(seen.group);
	assert_true(seen.taken_at > 0);
	seg_observer_let_go(observer);
}

static void a_redis_that_falls_silent_is_said_to_answer_no_more(void **state)
{
	(void)state;
	test_wait_until(lag_was_read, NULL, PATIENCE_MS, "a reading");
	silence_the_end_of_readings();
	test_wait_until(no_answer_is_known, NULL, PATIENCE_MS, "a look at a silent Redis");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_group_is_read_with_the_age_of_its_oldest_messages),
		TEST(a_group_that_does_not_exist_keeps_no_other_from_being_read),
		TEST(of_letters_that_another_program_wrote_little_is_read),
		TEST(redis_tells_that_it_is_to_take_snapshots),
		TEST(redis_tells_its_memory_its_disk_and_how_long_it_takes_to_answer),
		TEST(what_a_user_may_not_ask_is_not_known_and_the_rest_is),
		TEST(a_stop_does_not_wait_a_second_for_each_lagging_partition),
		TEST(a_stop_interrupts_a_reading_and_those_who_wait_for_it),
		TEST(the_last_reading_stays_while_redis_is_silent),
		TEST(a_redis_that_falls_silent_is_said_to_answer_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
