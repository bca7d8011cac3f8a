#include "harness/recorded.h"

#include <stdio.h>

#include "harness/group.h"

static int partition_count, key_count;

void test_recorded_start(int partitions, int keys)
{
	test_rig_set_up(NULL);
	partition_count = partitions;
	key_count = keys;
}

void test_recorded_run(int i, const char *more)
{
	test_runner_free(rig.runners[i]);
	rig.runners[i] = NULL;
	rig.runners[i] =
		test_runner_run("[redis]\naddress = %s\n[runner]\nname = runner-%d\n"
				"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
				"partitions = %d\nbatch_size = %d\noption.path = %s\n%s\n",
				rig.server->address, i, test_build_directory(), partition_count,
				TEST_RECORDED_BATCH, rig.deliveries, more);
}

void test_recorded_wait_balanced(uint32_t members)
{
	test_group_wait_balanced(rig.server->address, "s", "g", members);
}

test_load *test_recorded_load(int per_second)
{
	return test_load_start(rig.server->address, "s", partition_count, key_count, per_second);
}

size_t test_recorded_finish(test_load *load, size_t late)
{
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t repeated = test_deliveries_check(&deliveries, key_count, numbers, late);
	test_deliveries_free(&deliveries);
	return repeated;
}
