/* test_consumer_many.c - a pull consumer of many partitions: their commits come together, and no caller waits for the next beat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "base/clock.h"
#include "group/beat.h"
#include "harness/consumer.h"
#include "harness/group.h"

enum { MANY = 128, ROUNDS = 8, PATIENCE_MS = 10000 };

static void add(int partition)
{
	char text[96];
	snprintf(text, sizeof(text), "XADD __default:s:partition_%d * partitionKey k data d", partition);
	test_rig_tell(text);
}

static int set_up(void **state)
{
	(void)state;
	test_consumed_start(MANY, NULL);
	for (int p = 0; p < MANY; p++)
		for (int i = 0; i < ROUNDS; i++)
			add(p);
	return 0;
}

/* The time from commits in all partitions until Redis has confirmed them. */
static int64_t commit_in_all(seg_consumer *consumer)
{
	const seg_batch *batches[MANY];
	for (int i = 0; i < MANY; i++)
		batches[i] = test_consumer_poll(consumer);
	for (int i = 0; i < MANY; i++)
		test_consumer_finish(consumer, batches[i]);
	int64_t before = seg_now();
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	return seg_now() - before;
}

/* Without a caller that waits, the next commits would come as late as the last ones were many. */
static void a_sync_waits_for_its_own_commits_and_not_for_the_beat_of_many(void **state)
{
	(void)state;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.batch_size = 1;
	options.commit_interval_us = 1;
	seg_consumer *consumer = test_consumer_open(rig.client, "s", &options);
	/* Nothing comes before the first beat. */
	int64_t shortest = INT64_MAX;
	(void)commit_in_all(consumer);
	for (int i = 1; i < ROUNDS; i++) {
		int64_t took = commit_in_all(consumer);
		shortest = took < shortest ? took : shortest;
	}
	assert_true(shortest < MANY * SEG_BEAT_PER_COMMIT / 2);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_sync_waits_for_its_own_commits_and_not_for_the_beat_of_many,
						set_up, test_rig_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
