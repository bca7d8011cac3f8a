/* partition_open fails the first option.times times in this process, or until the file option.cure exists; then succeeds. */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <segmenter/handler.h>

static _Atomic int64_t failures_left;
static char cure[256];

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	(void)plugin, (void)error, (void)error_size;
	const char *path = host->option(host, "cure");
	snprintf(cure, sizeof(cure), "%s", path ? path : "");
	atomic_store(&failures_left, host->option_integer(host, "times"));
	return 0;
}

static int partition_open(void *plugin, uint32_t partition, uint64_t epoch, void **state, char *error,
			  size_t error_size)
{
	(void)plugin, (void)epoch, (void)state;
	if (atomic_fetch_sub(&failures_left, 1) <= 0 || (cure[0] && access(cure, F_OK) == 0))
		return 0;
	snprintf(error, error_size, "partition %u is not to my taste yet", partition);
	return -1;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_option options[] = {
	{"times", SEG_OPTION_INTEGER, 0, "1000000000", "How often it fails."},
	{"cure", SEG_OPTION_PATH, 0, NULL, "The file that ends the failures."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "failing_open",
	.options = options,
	.init = init,
	.partition_open = partition_open,
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
