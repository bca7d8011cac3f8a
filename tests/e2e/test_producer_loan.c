/*
 * test_producer_loan.c - with linger_us = 0, a send that finds the producer's thread asleep is written by the thread that sends.
 * The test wraps send(2), and so sees which thread writes.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/log.h"
#include "harness/producer.h"
#include "harness/storm.h"

/* --- who writes ----------------------------------------------------------------------- */

static _Thread_local long written_here;   /* calls of send(2) that took everything */
static _Thread_local int full_after = -1; /* the socket takes that many bytes more of this thread; -1: all */

ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	if (full_after == 0) {
		errno = EAGAIN;
		return -1;
	}
	size_t most = full_after > 0 && (size_t)full_after < length ? (size_t)full_after : length;
	ssize_t n = __real_send(fd, bytes, most, flags);
	if (full_after > 0 && n > 0)
		full_after -= (int)n;
	written_here += n == (ssize_t)length;
	return n;
}

static pthread_t sends;
static atomic_long told_elsewhere, told_here;

static void note_thread(void *arg, const seg_delivery *delivery)
{
	(void)arg;
	assert_int_equal(delivery->status, SEG_OK);
	atomic_fetch_add(pthread_equal(pthread_self(), sends) ? &told_here : &told_elsewhere, 1);
}

static seg_producer_options without_linger(void)
{
	seg_producer_options options = test_producer_patient();
	options.linger_us = 0;
	return options;
}

/* Sends one record after the other, each when the one before has its answer, until this thread has written `writes` times. */
static void send_until_written(seg_producer *producer, long writes, long counts[TEST_PRODUCER_KEYS],
			       long *sent)
{
	written_here = 0;
	for (int i = 0; i < 100000 && written_here < writes; i++) {
		assert_int_equal(test_producer_send_next(producer, i % TEST_PRODUCER_KEYS, counts, sent), 0);
		assert_int_equal(seg_producer_flush(producer, 60000, NULL), 0);
	}
	assert_true(written_here >= writes);
}

static void check_log(long counts[TEST_PRODUCER_KEYS], long sent)
{
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS, counts,
					false),
			 sent);
}

/* --- the tests --------------------------------------------------------------------------- */

static void a_lone_send_leaves_on_the_callers_thread_and_is_told_of_on_the_producers(void **state)
{
	(void)state;
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	seg_producer_options options = without_linger();
	options.delivery = note_thread;
	sends = pthread_self();
	seg_producer *producer = test_producer_open(&options);
	send_until_written(producer, 100, counts, &sent);
	test_producer_close(producer);
	assert_int_equal(atomic_load(&told_here), 0);
	assert_int_equal(atomic_load(&told_elsewhere), sent);
	check_log(counts, sent);
}

static void with_a_linger_the_producers_thread_writes(void **state)
{
	(void)state;
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	seg_producer_options options = test_producer_patient();
	options.linger_us = 1;
	written_here = 0;
	seg_producer *producer = test_producer_open(&options);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(test_producer_send_next(producer, i % TEST_PRODUCER_KEYS, counts, &sent), 0);
		assert_int_equal(seg_producer_flush(producer, 60000, NULL), 0);
	}
	test_producer_close(producer);
	assert_int_equal(written_here, 0);
	check_log(counts, sent);
}

/* The rest goes out by itself, long before the producer's thread would have woken up for its timers. */
static void what_the_socket_does_not_take_is_written_by_the_producers_thread(void **state)
{
	(void)state;
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	seg_producer_options options = without_linger();
	seg_producer *producer = test_producer_open(&options);
	for (int taken = 0; taken < 300; taken += 7) {
		send_until_written(producer, 1, counts, &sent);
		full_after = taken;
		assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
		full_after = -1;
		assert_int_equal(seg_producer_flush(producer, 60000, NULL), 0);
	}
	test_producer_close(producer);
	test_producer_told_each_once(sent);
	test_producer_added_all(sent);
	check_log(counts, sent);
}

/* --- many threads, and faults ---------------------------------------------------------------- */

enum { THREADS = 4, EACH = 2000 };

typedef struct {
	seg_producer *producer;
	int first_key;
	long counts[TEST_PRODUCER_KEYS], sent, written;
	bool failed;
} sender_thread;

/* Lets the producer's thread fall asleep now and then. */
static void *send_some(void *arg)
{
	sender_thread *s = arg;
	for (int i = 0; i < EACH && !s->failed; i++) {
		s->failed = test_producer_send_next(s->producer,
						    s->first_key + i % (TEST_PRODUCER_KEYS / THREADS),
						    s->counts, &s->sent);
		if (i % 8 == 0)
			s->failed |= seg_producer_flush(s->producer, 60000, NULL) != 0;
	}
	s->written = written_here;
	return NULL;
}

static void send_with_many_threads(seg_producer *producer, long counts[TEST_PRODUCER_KEYS])
{
	pthread_t threads[THREADS];
	static sender_thread senders[THREADS];
	long written = 0;
	for (int t = 0; t < THREADS; t++) {
		senders[t] = (sender_thread){.producer = producer,
					     .first_key = t * (TEST_PRODUCER_KEYS / THREADS)};
		assert_int_equal(pthread_create(&threads[t], NULL, send_some, &senders[t]), 0);
	}
	for (int t = 0; t < THREADS; t++) {
		pthread_join(threads[t], NULL);
		assert_false(senders[t].failed);
		written += senders[t].written;
		for (int k = 0; k < TEST_PRODUCER_KEYS; k++)
			counts[k] += senders[t].counts[k];
	}
	print_message("%ld writes by the threads that send\n", written);
	assert_true(written > 0);
}

static void many_threads_that_write_keep_each_keys_order(void **state)
{
	(void)state;
	long counts[TEST_PRODUCER_KEYS] = {0};
	seg_producer_options options = without_linger();
	options.delivery = NULL;
	seg_producer *producer = test_producer_open(&options);
	send_with_many_threads(producer, counts);
	test_producer_close(producer);
	check_log(counts, (long)THREADS * EACH);
}

static void a_storm_of_killed_connections_loses_nothing_that_callers_wrote(void **state)
{
	(void)state;
	long counts[TEST_PRODUCER_KEYS] = {0};
	seg_producer_options options = without_linger();
	options.delivery = NULL;
	seg_producer *producer = test_producer_open(&options);
	test_storm storm;
	test_storm_start(&storm, rig.server, 100);
	send_with_many_threads(producer, counts);
	assert_true(test_storm_end(&storm) > 0);
	test_producer_close(producer);
	check_log(counts, (long)THREADS * EACH);
}

/* Each closing meets a producer whose thread has slept, and whose newest record the caller has written. */
static void closing_waits_for_what_the_caller_wrote(void **state)
{
	(void)state;
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	seg_producer_options options = without_linger();
	for (int i = 0; i < 30; i++) {
		seg_producer *producer = test_producer_open(&options);
		send_until_written(producer, 1, counts, &sent);
		assert_int_equal(test_producer_send_next(producer, i, counts, &sent), 0);
		test_producer_close(producer);
	}
	test_producer_added_all(sent);
	check_log(counts, sent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_producer_set_up, test_producer_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lone_send_leaves_on_the_callers_thread_and_is_told_of_on_the_producers),
		TEST(with_a_linger_the_producers_thread_writes),
		TEST(what_the_socket_does_not_take_is_written_by_the_producers_thread),
		TEST(many_threads_that_write_keep_each_keys_order),
		TEST(a_storm_of_killed_connections_loses_nothing_that_callers_wrote),
		TEST(closing_waits_for_what_the_caller_wrote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
