#include "harness/clustered.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/names.h"
#include "harness/group.h"
#include "harness/segctl.h"

enum { PER_SECOND = 50 };

struct test_clustered clustered;

/* --- making and unmaking ------------------------------------------------------------------- */

int test_clustered_stop(void **state)
{
	(void)state;
	test_cluster_stop(clustered.cluster);
	return 0;
}

int test_clustered_set_up(void **state)
{
	static int number;
	snprintf(clustered.stream, sizeof(clustered.stream), "s%d", ++number);
	test_rig_set_up_directory(state);
	return 0;
}

const char *test_clustered_address(int node, const char *user)
{
	static char address[4][128];
	static int turn;
	char *text = address[turn++ % 4];
	const char *password = clustered.cluster->options.password;
	if (user)
		snprintf(text, 128, "redis://%s:pass@127.0.0.1:%d", user,
			 clustered.cluster->nodes[node]->port);
	else
		snprintf(text, 128, "redis://%s%s%s127.0.0.1:%d", password ? ":" : "",
			 password ? password : "", password ? "@" : "", clustered.cluster->nodes[node]->port);
	return text;
}

void test_clustered_run(int i, const char *address, const char *more)
{
	test_runner_free(rig.runners[i]);
	rig.runners[i] = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = runner-%d\n"
		"[consumer c]\nstream = %s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\npartitions = %d\noption.path = %s\n%s\n",
		address, i, clustered.stream, test_build_directory(), TEST_CLUSTERED_PARTITIONS,
		rig.deliveries, more);
}

void test_clustered_run_both(void)
{
	test_clustered_run(0, test_clustered_address(0, NULL), "");
	test_clustered_run(1, test_clustered_address(1, NULL), "");
	test_group_wait_balanced(test_clustered_address(2, NULL), clustered.stream, "g", 2);
}

void test_clustered_make_stream(void)
{
	test_segctl_good(test_clustered_address(0, NULL), "stream create %s -p %d", clustered.stream,
			 TEST_CLUSTERED_PARTITIONS);
}

int test_clustered_slot(uint32_t partition)
{
	char key[SEG_KEY_MAX];
	seg_key_log(key, "default", clustered.stream, partition);
	return test_cluster_slot(clustered.cluster, key);
}

int test_clustered_control_slot(void)
{
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, "default", clustered.stream, "g", "control");
	return test_cluster_slot(clustered.cluster, key);
}

/* --- pauses ------------------------------------------------------------------------------------ */

/* A look at the deliveries is due each 2 ms. One that comes later than this shows that the machine stood still. */
enum { STALL_MS = 50 };

/* Reads the deliveries as they are written, and notes the longest time without one in any partition. */
static struct {
	pthread_t thread;
	atomic_bool over;
	long long newest[TEST_CLUSTERED_PARTITIONS], longest, anywhere;
} watch;

static void see(const char *line, long long now, long long *newest)
{
	unsigned partition;
	if (sscanf(line, "%*u %u", &partition) != 1 || partition >= TEST_CLUSTERED_PARTITIONS)
		return;
	long long pause = now - watch.newest[partition];
	if (pause > watch.longest)
		watch.longest = pause;
	if (now - *newest > watch.anywhere)
		watch.anywhere = now - *newest;
	watch.newest[partition] = *newest = now;
}

static void leave_out(long long stall, long long now, long long *newest)
{
	long long later = *newest + stall;
	*newest = later < now ? later : now;
}

/* The time for which this process stood still is no pause of the group. */
static void leave_stalls_out(long long *looked, long long *newest)
{
	long long now = test_now_ms(), stall = now - *looked - STALL_MS;
	*looked = now;
	if (stall <= 0)
		return;
	for (int p = 0; p < TEST_CLUSTERED_PARTITIONS; p++)
		leave_out(stall, now, &watch.newest[p]);
	leave_out(stall, now, newest);
}

static void *watch_deliveries(void *arg)
{
	char line[256];
	FILE *file = fopen(rig.deliveries, "r");
	(void)arg;
	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	long long newest = test_now_ms(), looked = newest;
	for (int p = 0; p < TEST_CLUSTERED_PARTITIONS; p++)
		watch.newest[p] = newest;
	while (!atomic_load(&watch.over)) {
		leave_stalls_out(&looked, &newest);
		while (fgets(line, sizeof(line), file))
			see(line, test_now_ms(), &newest);
		clearerr(file);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
	fclose(file);
	return NULL;
}

static void watch_begin(void)
{
	watch.longest = watch.anywhere = 0;
	atomic_store(&watch.over, false);
	assert_int_equal(pthread_create(&watch.thread, NULL, watch_deliveries, NULL), 0);
}

void test_clustered_pauses(const char *what, size_t repeated, int most_ms)
{
	atomic_store(&watch.over, true);
	pthread_join(watch.thread, NULL);
	print_message("%s: longest pause of a partition %lld ms, of all together %lld ms, %zu repeated\n",
		      what, watch.longest, watch.anywhere, repeated);
	if (watch.longest > most_ms)
		fail_msg("a partition paused for %lld ms, more than %d", watch.longest, most_ms);
}

test_load *test_clustered_load(void)
{
	test_load *load = test_load_start(test_clustered_address(0, NULL), clustered.stream,
					  TEST_CLUSTERED_PARTITIONS, TEST_CLUSTERED_KEYS, PER_SECOND);
	test_clustered_run_both();
	test_load_go_on(load, 20);
	test_deliveries_go_on(rig.deliveries, TEST_CLUSTERED_PARTITIONS);
	watch_begin();
	return load;
}

void test_clustered_finish(test_load *load, const char *what, int most_ms)
{
	test_load_go_on(load, 20);
	test_deliveries_go_on(rig.deliveries, TEST_CLUSTERED_PARTITIONS);
	int numbers = test_load_end(load);
	test_group_wait_drained(test_clustered_address(0, NULL), clustered.stream, "g");
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t repeated = test_deliveries_check(&deliveries, TEST_CLUSTERED_KEYS, numbers, 0);
	test_clustered_pauses(what, repeated, most_ms);
	/* What is in flight may come again each time, and a busy machine has much in flight. A group that began anew would repeat it all. */
	assert_true(repeated <= (size_t)(TEST_CLUSTERED_KEYS * numbers) / 3 + 100);
	test_deliveries_free(&deliveries);
}
