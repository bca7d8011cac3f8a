#include "harness/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/server.h"

enum { PATIENCE_MS = 30000, DRAIN_MS = 120000 };

typedef struct {
	const char *address, *stream, *group;
	uint32_t members;
} expectation;

seg_group_info *test_group_describe(const char *address, const char *stream_name, const char *group)
{
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = address;
	seg_client *client = NULL;
	seg_stream *stream = NULL;
	seg_group_info *info = NULL;
	if (seg_client_open(&options, &client, NULL) == 0 &&
	    seg_stream_open(client, stream_name, &stream, NULL) == 0 &&
	    seg_group_describe(stream, group, &info, NULL))
		info = NULL;
	if (stream)
		seg_stream_close(stream);
	seg_client_close(client);
	return info;
}

static bool is_balanced(void *arg)
{
	const expectation *e = arg;
	seg_group_info *info = test_group_describe(e->address, e->stream, e->group);
	bool balanced = info && info->members == e->members;
	for (uint32_t p = 0; balanced && p < info->partition_count; p++)
		balanced = *info->partitions[p].owner &&
			   strcmp(info->partitions[p].owner, info->partitions[p].target) == 0;
	seg_group_info_free(info);
	return balanced;
}

void test_group_wait_balanced(const char *address, const char *stream, const char *group, uint32_t members)
{
	expectation e = {address, stream, group, members};
	test_wait_until(is_balanced, &e, PATIENCE_MS, "the members share the partitions");
}

typedef struct {
	expectation e;
	long long deadline;
	seg_id highest; /* the sum of all positions, which grows with each commit */
} draining;

/* Nobody can tell how long a machine takes for all of it, but whether it goes on. */
static bool is_drained(void *arg)
{
	draining *d = arg;
	seg_id sum = {0, 0};
	seg_group_info *info = test_group_describe(d->e.address, d->e.stream, d->e.group);
	bool drained = info != NULL;
	for (uint32_t p = 0; info && p < info->partition_count; p++) {
		const seg_partition_info *partition = &info->partitions[p];
		drained = drained && seg_id_compare(partition->position, partition->last) >= 0;
		sum.ms += partition->position.ms;
		sum.seq += partition->position.seq;
	}
	seg_group_info_free(info);
	long long now = test_now_ms();
	if (seg_id_compare(sum, d->highest) > 0) {
		d->highest = sum;
		d->deadline = now + PATIENCE_MS;
	}
	if (!drained && now > d->deadline)
		fail_msg("nothing was committed for %d ms, and messages wait", PATIENCE_MS);
	return drained;
}

void test_group_wait_drained(const char *address, const char *stream, const char *group)
{
	draining d = {.e = {address, stream, group, 0}, .deadline = test_now_ms() + PATIENCE_MS};
	test_wait_until(is_drained, &d, DRAIN_MS, "everything is committed");
}

uint64_t test_group_dead_letters(const char *address, const char *stream, const char *group)
{
	seg_group_info *info = test_group_describe(address, stream, group);
	uint64_t letters = 0;
	for (uint32_t p = 0; info && p < info->partition_count; p++)
		letters += info->partitions[p].dead_letters;
	seg_group_info_free(info);
	return letters;
}
