/* Retries: the pauses grow up to a bound and scatter, and a message is given up in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "work/retry_policy.h"

enum { DRAWS = 2000 };

typedef struct {
	int64_t least, most;
	double mean;
} spread;

static spread draw(int64_t base, int64_t cap, unsigned attempt)
{
	spread s = {INT64_MAX, 0, 0};
	for (int i = 0; i < DRAWS; i++) {
		int64_t pause = seg_backoff(base, cap, attempt);
		s.least = pause < s.least ? pause : s.least;
		s.most = pause > s.most ? pause : s.most;
		s.mean += (double)pause / DRAWS;
	}
	return s;
}

/* --- pauses ------------------------------------------------------------------------------ */

static void each_pause_is_drawn_from_the_upper_half_of_the_doubled_one(void **state)
{
	(void)state;
	int64_t full = 100 * SEG_MS;
	for (unsigned attempt = 1; attempt <= 8; attempt++, full *= 2) {
		spread s = draw(100 * SEG_MS, 3600 * SEG_SECOND, attempt);
		assert_true(s.least >= full / 2);
		assert_true(s.most <= full);
	}
}

/* Callers that failed together must not return together, so pauses use all of their half. */
static void pauses_scatter_over_all_of_their_half(void **state)
{
	(void)state;
	spread s = draw(100 * SEG_MS, SEG_SECOND, 1);
	assert_true(s.least < 51 * SEG_MS);
	assert_true(s.most > 99 * SEG_MS);
	assert_true(s.mean > 73e6 && s.mean < 77e6);
}

static void no_pause_is_longer_than_the_cap_however_often_it_failed(void **state)
{
	(void)state;
	const unsigned attempts[] = {5, 6, 31, 32, 33, 63, 64, 65, 1000, UINT_MAX};
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		spread s = draw(100 * SEG_MS, 1500 * SEG_MS, attempts[i]);
		assert_true(s.least >= 750 * SEG_MS);
		assert_true(s.most <= 1500 * SEG_MS);
	}
}

static void the_longest_settings_do_not_overflow(void **state)
{
	(void)state;
	int64_t day = 24 * 3600 * SEG_SECOND;
	spread s = draw(3600 * SEG_SECOND, day, UINT_MAX);
	assert_true(s.least >= day / 2 && s.most <= day);
}

static void a_base_above_the_cap_is_the_cap(void **state)
{
	(void)state;
	spread s = draw(10 * SEG_SECOND, SEG_SECOND, 1);
	assert_true(s.least >= SEG_SECOND / 2 && s.most <= SEG_SECOND);
}

static void the_shortest_pauses_are_not_negative(void **state)
{
	(void)state;
	for (int64_t base = 0; base <= 3; base++) {
		spread s = draw(base, 3, 1);
		assert_true(s.least >= 0 && s.most <= base);
	}
}

/* --- giving up ---------------------------------------------------------------------------- */

static void a_message_is_given_up_after_as_many_attempts_as_allowed(void **state)
{
	(void)state;
	seg_retry_policy policy = {.max_attempts = 3};
	assert_false(seg_retry_exhausted(&policy, 1));
	assert_false(seg_retry_exhausted(&policy, 2));
	assert_true(seg_retry_exhausted(&policy, 3));
	assert_true(seg_retry_exhausted(&policy, 4));
	policy.max_attempts = 1;
	assert_true(seg_retry_exhausted(&policy, 1));
}

static void without_a_limit_nothing_is_ever_given_up(void **state)
{
	(void)state;
	seg_retry_policy policy = {.max_attempts = 0};
	assert_false(seg_retry_exhausted(&policy, UINT32_MAX));
	assert_false(seg_retry_deadly(&policy, UINT32_MAX));
}

static uint32_t deaths_until_given_up(uint32_t max_attempts)
{
	seg_retry_policy policy = {.max_attempts = max_attempts};
	uint32_t deaths = 1;
	while (!seg_retry_deadly(&policy, deaths))
		deaths++;
	return deaths;
}

static void a_message_that_kills_does_so_at_most_max_attempts_times(void **state)
{
	(void)state;
	for (uint32_t max = 2; max <= 10; max++)
		assert_int_equal(deaths_until_given_up(max), max);
	assert_int_equal(deaths_until_given_up(1), 2);
}

/* Suspicion falls on a whole batch, so each innocent message must get one attempt alone. */
static void no_message_is_given_up_without_one_attempt_alone(void **state)
{
	(void)state;
	for (uint32_t max = 1; max <= 10; max++) {
		seg_retry_policy policy = {.max_attempts = max};
		assert_false(seg_retry_deadly(&policy, seg_retry_deaths_before_isolation(&policy)));
	}
}

/* --- random bits ----------------------------------------------------------------------------- */

static void random_names_are_hexadecimal_whole_and_different(void **state)
{
	(void)state;
	char first[40], second[40];
	memset(first, 'x', sizeof(first));
	seg_random_hex(first, 16);
	seg_random_hex(second, 16);
	assert_int_equal(strlen(first), 32);
	assert_int_equal(strspn(first, "0123456789abcdef"), 32);
	assert_int_equal(first[33], 'x');
	assert_string_not_equal(first, second);
}

static void every_random_bit_is_sometimes_set_and_sometimes_not(void **state)
{
	(void)state;
	uint64_t any = 0, all = UINT64_MAX;
	for (int i = 0; i < 200; i++) {
		uint64_t bits = seg_random();
		any |= bits;
		all &= bits;
	}
	assert_true(any == UINT64_MAX);
	assert_true(all == 0);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_pause_is_drawn_from_the_upper_half_of_the_doubled_one),
		TEST(pauses_scatter_over_all_of_their_half),
		TEST(no_pause_is_longer_than_the_cap_however_often_it_failed),
		TEST(the_longest_settings_do_not_overflow),
		TEST(a_base_above_the_cap_is_the_cap),
		TEST(the_shortest_pauses_are_not_negative),
		TEST(a_message_is_given_up_after_as_many_attempts_as_allowed),
		TEST(without_a_limit_nothing_is_ever_given_up),
		TEST(a_message_that_kills_does_so_at_most_max_attempts_times),
		TEST(no_message_is_given_up_without_one_attempt_alone),
		TEST(random_names_are_hexadecimal_whole_and_different),
		TEST(every_random_bit_is_sometimes_set_and_sometimes_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
