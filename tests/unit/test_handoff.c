/* The handoff between two real threads: order, no lost wakeup, and answers to the right question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_handoff.h"

/* --- batches there and back ------------------------------------------------------------------ */

typedef struct {
	uint64_t messages;
	size_t buffers; /* that go round */
	seg_idle idle;
} traffic;

static void *work(void *arg)
{
	const traffic *t = arg;
	for (uint64_t expected = 0; expected < t->messages;) {
		uint32_t ticket = seg_handoff_ticket(&handoff);
		seg_fetched *buffer = seg_handoff_take(&handoff);
		if (!buffer) {
			worker_waits(ticket, t->idle);
			continue;
		}
		disordered += buffer->sequence != expected || buffer->bytes != expected * 3;
		buffer->decoded = expected++;
		seg_handoff_handled(&handoff, expected);
		seg_handoff_give_back(&handoff, buffer);
	}
	return NULL;
}

static bool nothing_came_back(const seg_handoff *h)
{
	return ck_ring_size(&h->free) == 0;
}

/* A buffer that came back, or NULL once one must be waited for. */
static seg_fetched *pop_or_starve(void)
{
	seg_fetched *buffer = seg_handoff_pop_free(&handoff);
	atomic_store_explicit(&handoff.io.starved, buffer == NULL, memory_order_relaxed);
	return buffer;
}

static void pump(traffic t)
{
	uint64_t sent = 0, back = 0;
	pthread_t worker = start(work, &t);
	while (back < t.messages && !overslept) {
		if (sent - back < t.buffers && sent < t.messages) {
			seg_fetched *buffer = &buffers[sent % t.buffers];
			buffer->sequence = sent;
			buffer->bytes = sent * 3;
			assert_true(seg_handoff_push(&handoff, buffer));
			sent++;
			continue;
		}
		seg_fetched *buffer = pop_or_starve();
		if (!buffer) {
			io_waits(nothing_came_back, &handoff);
			continue;
		}
		assert_ptr_equal(buffer, &buffers[back % t.buffers]);
		assert_int_equal(buffer->decoded, back);
		assert_true(atomic_load(&handoff.worker.handled) > back);
		back++;
	}
	join(worker);
}

static void batches_keep_their_order_and_none_is_lost_while_both_sides_run(void **state)
{
	(void)state;
	pump((traffic){200000, SEG_HANDOFF_BATCHES, SEG_IDLE_PARK});
}

static void no_wakeup_is_lost_when_both_sides_sleep_each_time(void **state)
{
	(void)state;
	pump((traffic){30000, 1, SEG_IDLE_PARK});
	seg_handoff_init(&handoff, &waker, &lease, NULL);
	pump((traffic){30000, 2, SEG_IDLE_PARK});
}

static void workers_that_do_not_sleep_get_the_same(void **state)
{
	(void)state;
	pump((traffic){2000, 2, SEG_IDLE_YIELD});
	seg_handoff_init(&handoff, &waker, &lease, NULL);
	pump((traffic){500, 2, SEG_IDLE_SPIN});
}

static void a_full_ring_refuses_and_keeps_what_it_has(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEG_HANDOFF_RING - 1; i++)
		assert_true(seg_handoff_push(&handoff, &buffers[i]));
	assert_false(seg_handoff_push(&handoff, &buffers[SEG_HANDOFF_RING - 1]));
	for (size_t i = 0; i < SEG_HANDOFF_RING - 1; i++)
		assert_ptr_equal(seg_handoff_take(&handoff), &buffers[i]);
	assert_null(seg_handoff_take(&handoff));
}

static void every_buffer_of_a_partition_has_a_place_in_the_rings(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEG_HANDOFF_BATCHES; i++)
		assert_true(seg_handoff_push(&handoff, &buffers[i]));
	for (size_t i = 0; i < SEG_HANDOFF_BATCHES; i++)
		seg_handoff_give_back(&handoff, seg_handoff_take(&handoff));
	for (size_t i = 0; i < SEG_HANDOFF_BATCHES; i++)
		assert_ptr_equal(seg_handoff_pop_free(&handoff), &buffers[i]);
	assert_null(seg_handoff_pop_free(&handoff));
}

/* --- waiting ------------------------------------------------------------------------------------ */

static const seg_idle idles[] = {SEG_IDLE_PARK, SEG_IDLE_YIELD, SEG_IDLE_SPIN};

static void a_wait_ends_at_its_time_and_not_before(void **state)
{
	(void)state;
	enum { TRIES = 3 };
	for (size_t i = 0; i < COUNT(idles); i++) {
		/* Half a second and several tries for a busy machine; ck's own steps are of a second. */
		bool in_time = false;
		for (int try = 0; try < TRIES && !in_time; try++) {
			int64_t until = seg_now() + 30 * SEG_MS;
			seg_handoff_wait(&handoff, seg_handoff_ticket(&handoff), until, idles[i]);
			int64_t end = seg_now();
			assert_true(end >= until - SEG_MS);
			in_time = end < until + 500 * SEG_MS;
		}
		assert_true(in_time);
		int64_t begin = seg_now();
		seg_handoff_wait(&handoff, seg_handoff_ticket(&handoff), begin - 1, idles[i]);
		assert_true(seg_now() < begin + PATIENCE / 2);
	}
}

static void what_came_after_the_ticket_was_taken_is_not_slept_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(idles); i++)
		for (int event = 0; event < 4; event++) {
			uint32_t ticket = seg_handoff_ticket(&handoff);
			if (event == 0)
				assert_true(seg_handoff_push(&handoff, &buffers[0]));
			else if (event == 1)
				seg_handoff_demand(&handoff, SEG_DEMAND_RUN);
			else if (event == 2)
				seg_handoff_answer(&handoff, 0, 0);
			else
				seg_handoff_wake(&handoff);
			worker_waits(ticket, idles[i]);
		}
	assert_int_equal(overslept, 0);
}

static bool kicked(void)
{
	struct pollfd poller = {.fd = waker.fd, .events = POLLIN};
	return poll(&poller, 1, 0) == 1;
}

static void an_io_thread_that_is_awake_costs_no_system_call(void **state)
{
	(void)state;
	seg_waker_kick(&waker);
	assert_false(kicked());
	waker.asleep = 1;
	seg_waker_kick(&waker);
	seg_waker_kick(&waker);
	assert_true(kicked());
	seg_waker_drain(&waker);
	assert_false(kicked());
}

static void a_buffer_that_comes_back_wakes_only_those_that_starve(void **state)
{
	(void)state;
	waker.asleep = 1;
	seg_handoff_give_back(&handoff, &buffers[0]);
	assert_false(kicked());
	handoff.io.starved = true;
	seg_handoff_give_back(&handoff, &buffers[1]);
	assert_true(kicked());
}

/* --- one event for several partitions -------------------------------------------------------------- */

static seg_handoff several[2];
static ck_ec32_t shared_event;

static void *poll_all(void *arg)
{
	for (int left = *(const int *)arg; left > 0;) {
		uint32_t ticket = seg_event_ticket(&shared_event);
		bool any = false;
		for (size_t i = 0; i < COUNT(several); i++) {
			seg_fetched *buffer = seg_handoff_take(&several[i]);
			if (!buffer)
				continue;
			disordered += buffer != &buffers[i];
			seg_handoff_give_back(&several[i], buffer);
			any = true;
			left--;
		}
		int64_t until = seg_now() + PATIENCE;
		if (!any)
			seg_event_wait(&shared_event, ticket, until, SEG_IDLE_PARK);
		overslept += seg_now() >= until;
	}
	return NULL;
}

static void a_push_to_any_partition_wakes_who_waits_for_all(void **state)
{
	(void)state;
	int rounds = 10000;
	ck_ec32_init(&shared_event, 0);
	for (size_t i = 0; i < COUNT(several); i++) {
		seg_handoff_init(&several[i], &waker, &lease, &shared_event);
		several[i].io.starved = true;
	}
	pthread_t poller = start(poll_all, &rounds);
	for (int round = 0; round < rounds && !overslept; round++) {
		size_t i = (size_t)(round / 3) % 2;
		assert_true(seg_handoff_push(&several[i], &buffers[i]));
		while (!seg_handoff_pop_free(&several[i]) && !overslept)
			io_waits(nothing_came_back, &several[i]);
	}
	join(poller);
}

/* --- asking and answering ------------------------------------------------------------------------------ */

enum { QUESTIONS = 20000 };

static void *ask(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < QUESTIONS; i++) {
		int64_t value = -1;
		seg_request request = {.kind = SEG_REQUEST_MARK, .id = {i, i + 1}, .sequence = i};
		int status = seg_handoff_ask(&handoff, &request, &value, SEG_IDLE_PARK);
		disordered += status != (i % 5 ? 0 : SEG_EFENCED) || value != (int64_t)i * 2;
	}
	return NULL;
}

static bool nothing_is_asked(const seg_handoff *h)
{
	seg_request request;
	return !seg_handoff_pending(h, &request);
}

static void each_question_gets_its_own_answer(void **state)
{
	(void)state;
	seg_request request = {0};
	pthread_t worker = start(ask, NULL);
	for (uint64_t i = 0; i < QUESTIONS && !overslept; i++) {
		while (!seg_handoff_pending(&handoff, &request) && !overslept)
			io_waits(nothing_is_asked, &handoff);
		assert_int_equal(request.sequence, i);
		assert_int_equal(request.id.seq, i + 1);
		/* Woken for something else, it goes on waiting for its answer. */
		seg_handoff_wake(&handoff);
		assert_true(seg_handoff_pending(&handoff, &request));
		seg_handoff_answer(&handoff, i % 5 ? 0 : SEG_EFENCED, (int64_t)i * 2);
	}
	join(worker);
	assert_false(seg_handoff_pending(&handoff, &request));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(batches_keep_their_order_and_none_is_lost_while_both_sides_run),
		TEST(no_wakeup_is_lost_when_both_sides_sleep_each_time),
		TEST(workers_that_do_not_sleep_get_the_same),
		TEST(a_full_ring_refuses_and_keeps_what_it_has),
		TEST(every_buffer_of_a_partition_has_a_place_in_the_rings),
		TEST(a_wait_ends_at_its_time_and_not_before),
		TEST(what_came_after_the_ticket_was_taken_is_not_slept_over),
		TEST(an_io_thread_that_is_awake_costs_no_system_call),
		TEST(a_buffer_that_comes_back_wakes_only_those_that_starve),
		TEST(a_push_to_any_partition_wakes_who_waits_for_all),
		TEST(each_question_gets_its_own_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
