#include "harness/recorded.h"

#include <stdio.h>

#include "harness/group.h"

struct test_recorded recorded;

void test_recorded_make(void)
{
	recorded = (struct test_recorded){0};
	test_directory_make(recorded.directory);
	snprintf(recorded.deliveries, sizeof(recorded.deliveries), "%s/deliveries", recorded.directory);
}

void test_recorded_remove(void)
{
	for (int i = 0; i < TEST_RECORDED_RUNNERS; i++) {
		test_runner_free(recorded.runners[i]);
		recorded.runners[i] = NULL;
	}
	test_directory_remove(recorded.directory);
}

void test_recorded_start(int partitions, int keys)
{
	test_recorded_make();
	recorded.partitions = partitions;
	recorded.keys = keys;
	recorded.server = test_server_start(NULL);
}

int test_recorded_stop(void **state)
{
	(void)state;
	test_recorded_remove();
	test_server_stop(recorded.server);
	return 0;
}

void test_recorded_run(int i, const char *more)
{
	test_runner_free(recorded.runners[i]);
	recorded.runners[i] = NULL;
	recorded.runners[i] =
		test_runner_run("[redis]\naddress = %s\n[runner]\nname = runner-%d\n"
				"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
				"partitions = %d\nbatch_size = %d\noption.path = %s\n%s\n",
				recorded.server->address, i, test_build_directory(), recorded.partitions,
				TEST_RECORDED_BATCH, recorded.deliveries, more);
}

void test_recorded_wait_balanced(uint32_t members)
{
	test_group_wait_balanced(recorded.server->address, "s", "g", members);
}

test_load *test_recorded_load(int per_second)
{
	return test_load_start(recorded.server->address, "s", recorded.partitions, recorded.keys, per_second);
}

size_t test_recorded_finish(test_load *load, size_t late)
{
	int numbers = test_load_end(load);
	test_group_wait_drained(recorded.server->address, "s", "g");
	test_deliveries deliveries = test_deliveries_read(recorded.deliveries);
	size_t repeated = test_deliveries_check(&deliveries, recorded.keys, numbers, late);
	test_deliveries_free(&deliveries);
	return repeated;
}
