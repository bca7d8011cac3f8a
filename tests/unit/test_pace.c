/*
 * test_pace.c - turns of large reads, against a Redis made by hand: it takes all reads that have come, runs them, and then sends what they
 * return.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "group/pace.h"

enum { READERS = 8, MESSAGES = 16384, OTHERS = (READERS - 1) * MESSAGES };

#define STEP (100 * (SEG_MS / 1000))
#define ROUND_TRIP (50 * SEG_MS)
#define SERVICE (6 * SEG_MS)     /* Redis's time for one read */
#define PARSING (1 * SEG_MS)     /* the client's */
#define SETTLED (2 * SEG_SECOND) /* from then on, reads are counted */
#define END (6 * SEG_SECOND)

typedef enum { WANTED, SENT, TAKEN, RUN, ANSWERED } place;

typedef struct {
	place place;
	int64_t at; /* WANTED: its turn; SENT: Redis gets it; ANSWERED: the client has its reply */
	int64_t issued;
} reader;

typedef struct {
	reader readers[READERS];
	int64_t busy_until; /* Redis */
	int64_t now;
	seg_pace pace;
	bool paced;
	int64_t round_trip;
	int64_t error; /* by which the round trip is thought to be too short */
	unsigned reads;
} world;

static void send_wanted(world *w)
{
	for (reader *r = w->readers; r < w->readers + READERS; r++)
		if (r->place == WANTED && r->at <= w->now)
			*r = (reader){.place = SENT, .at = w->now + w->round_trip / 2, .issued = w->now};
}

/* The read that came first, of those in that place. */
static reader *first_in(world *w, place where)
{
	reader *first = NULL;
	for (reader *r = w->readers; r < w->readers + READERS; r++)
		if (r->place == where && r->at <= w->now && (!first || r->at < first->at))
			first = r;
	return first;
}

/* The replies leave together, and the client parses one after the other. */
static void reply(world *w)
{
	int64_t arrival = w->now + w->round_trip / 2;
	for (reader *r = w->readers; r < w->readers + READERS; r++)
		if (r->place == RUN) {
			arrival += PARSING;
			r->place = ANSWERED;
			r->at = arrival;
		}
}

static void run_redis(world *w)
{
	if (w->now < w->busy_until)
		return;
	reader *next = first_in(w, TAKEN);
	if (!next) {
		reply(w);
		while ((next = first_in(w, SENT)) != NULL)
			next->place = TAKEN;
		next = first_in(w, TAKEN);
	}
	if (next) {
		next->place = RUN;
		w->busy_until = w->now + SERVICE;
	}
}

static size_t waiting(const world *w, const reader *than)
{
	size_t messages = 0;
	for (const reader *r = w->readers; r < w->readers + READERS; r++)
		if (r != than && r->place != WANTED && r->issued < w->now - w->round_trip + w->error)
			messages += MESSAGES;
	return messages;
}

static void hear(world *w)
{
	for (reader *r = w->readers; r < w->readers + READERS; r++) {
		if (r->place != ANSWERED || r->at > w->now)
			continue;
		seg_pace_ended(&w->pace, MESSAGES, waiting(w, r),
			       w->now - r->issued - w->round_trip + w->error, w->now);
		w->reads += w->now >= SETTLED;
		*r = (reader){.place = WANTED,
			      .at = w->paced
					    ? seg_pace_turn(&w->pace, MESSAGES, OTHERS, w->round_trip, w->now)
					    : w->now};
	}
}

/* Reads per second; error: by which the round trip is thought to be too short. */
static unsigned rate_at(int64_t round_trip, bool paced, int64_t error)
{
	static world w;
	w = (world){.paced = paced, .round_trip = round_trip, .error = error};
	for (w.now = 0; w.now < END; w.now += STEP) {
		send_wanted(&w);
		run_redis(&w);
		hear(&w);
	}
	return w.reads / (unsigned)((END - SETTLED) / SEG_SECOND);
}

static unsigned rate(bool paced, int64_t error)
{
	return rate_at(ROUND_TRIP, paced, error);
}

static void reads_that_came_together_drift_apart_and_keep_redis_busy(void **state)
{
	(void)state;
	const unsigned limit = READERS * SEG_SECOND / (ROUND_TRIP + SERVICE + PARSING);
	assert_true(rate(false, 0) < limit * 7 / 10);
	assert_true(rate(true, 0) > limit * 9 / 10);
}

static void where_redis_always_has_reads_to_work_on_none_waits(void **state)
{
	(void)state;
	const unsigned limit = SEG_SECOND / SERVICE;
	assert_true(rate_at(5 * SEG_MS, true, 0) > limit * 95 / 100);
}

static void a_round_trip_that_has_become_longer_costs_little(void **state)
{
	(void)state;
	assert_true(rate(true, 30 * SEG_MS) > rate(false, 0));
	assert_true(rate(true, -30 * SEG_MS) >= rate(false, 0) * 9 / 10);
}

static void before_any_read_has_ended_none_waits(void **state)
{
	(void)state;
	seg_pace pace = {0};
	for (int i = 0; i < READERS; i++)
		assert_int_equal(seg_pace_turn(&pace, MESSAGES, OTHERS, SEG_SECOND, SEG_SECOND), SEG_SECOND);
}

static void one_read_that_took_long_does_not_move_the_turns(void **state)
{
	(void)state;
	seg_pace pace = {0};
	for (int i = 0; i < SEG_PACE_TIMES; i++)
		seg_pace_ended(&pace, 1000, 0, i == 3 ? SEG_SECOND : SEG_MS, (i + 1) * SEG_SECOND);
	int64_t now = 10 * SEG_SECOND;
	assert_int_equal(seg_pace_turn(&pace, 1000, OTHERS, SEG_SECOND, now), now);
	assert_int_equal(seg_pace_turn(&pace, 1000, OTHERS, SEG_SECOND, now), now + SEG_MS + SEG_MS / 10);
	assert_int_equal(seg_pace_turn(&pace, 2000, OTHERS, SEG_SECOND, now),
			 now + 2 * (SEG_MS + SEG_MS / 10));
	assert_int_equal(seg_pace_turn(&pace, 1000, OTHERS, SEG_SECOND, now),
			 now + 4 * (SEG_MS + SEG_MS / 10));
}

/* A Redis that took that long for each message of the newest reads. */
static seg_pace pace_with(int64_t time)
{
	seg_pace pace = {0};
	for (int i = 0; i < SEG_PACE_TIMES; i++)
		seg_pace_ended(&pace, 1, 0, time, (i + 1) * SEG_SECOND);
	return pace;
}

static void no_read_waits_for_long_however_long_redis_takes_and_whatever_the_others_bring(void **state)
{
	(void)state;
	static const size_t sizes[] = {1024, 16384};
	const int64_t now = 100 * SEG_SECOND;
	for (size_t reads = 2; reads <= 64; reads++)
		for (int64_t time = 100; time < SEG_SECOND; time = time * 5 / 4) {
			seg_pace pace = pace_with(time);
			for (size_t i = 0; i < reads; i++)
				assert_in_range(seg_pace_turn(&pace, sizes[i % 7 == 6 ? 0 : 1],
							      (reads - 1) * sizes[i % 2], ROUND_TRIP, now),
						now, now + 5 * ROUND_TRIP);
		}
}

static void however_long_redis_takes_two_turns_are_no_more_than_two_round_trips_apart(void **state)
{
	(void)state;
	const int64_t now = 100 * SEG_SECOND;
	seg_pace pace = pace_with(SEG_SECOND);
	assert_int_equal(seg_pace_turn(&pace, 1024, 1024, ROUND_TRIP, now), now);
	assert_int_equal(seg_pace_turn(&pace, 1024, 1024, ROUND_TRIP, now), now + 2 * ROUND_TRIP);
}

static void a_read_alone_does_not_wait_but_the_next_one_waits_for_it(void **state)
{
	(void)state;
	seg_pace pace = pace_with(SEG_MS / 1000);
	const int64_t now = 100 * SEG_SECOND;
	pace.next_turn = now + SEG_MS;
	assert_int_equal(seg_pace_turn(&pace, 10000, 0, ROUND_TRIP, now), now);
	assert_int_equal(seg_pace_turn(&pace, 10000, 10000, ROUND_TRIP, now), now + 11 * SEG_MS);
}

static void small_reads_of_others_do_not_keep_redis_busy(void **state)
{
	(void)state;
	seg_pace pace = pace_with(SEG_MS / 1000);
	const int64_t now = 100 * SEG_SECOND;
	const size_t large = 10000, small = 100;
	pace.next_turn = now + SEG_MS;
	assert_int_equal(seg_pace_turn(&pace, large, 40 * small, ROUND_TRIP, now), now + SEG_MS);
	assert_int_equal(seg_pace_turn(&pace, large, 40 * large, ROUND_TRIP, now), now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_that_came_together_drift_apart_and_keep_redis_busy),
		cmocka_unit_test(where_redis_always_has_reads_to_work_on_none_waits),
		cmocka_unit_test(a_round_trip_that_has_become_longer_costs_little),
		cmocka_unit_test(before_any_read_has_ended_none_waits),
		cmocka_unit_test(one_read_that_took_long_does_not_move_the_turns),
		cmocka_unit_test(
			no_read_waits_for_long_however_long_redis_takes_and_whatever_the_others_bring),
		cmocka_unit_test(however_long_redis_takes_two_turns_are_no_more_than_two_round_trips_apart),
		cmocka_unit_test(a_read_alone_does_not_wait_but_the_next_one_waits_for_it),
		cmocka_unit_test(small_reads_of_others_do_not_keep_redis_busy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
