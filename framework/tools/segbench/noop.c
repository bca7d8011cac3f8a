/*
 * noop.c - the handler that does nothing but count, in memory that segbench reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <segmenter/handler.h>

#include "tally.h"

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	const char *path = host->option(host, "tally");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *shared =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int failure = errno;
	if (fd >= 0)
		close(fd);
	if (shared == MAP_FAILED) {
		snprintf(error, error_size, "cannot map %s: %s", path, strerror(failure));
		return -1;
	}
	*plugin = shared;
	return 0;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)state;
	tally_arrived(plugin, batch->partition, batch->count);
	return seg_done();
}

static void fini(void *plugin)
{
	munmap(plugin, sizeof(tally));
}

static const seg_option options[] = {
	{"tally", SEG_OPTION_PATH, 1, NULL, "The file, made by segbench, whose memory the counts go to."},
	{0},
};

static const seg_handler noop = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "segbench_noop",
	.version = SEG_VERSION,
	.help = "Counts messages and does nothing else; a part of segbench.",
	.options = options,
	.init = init,
	.handle = handle,
	.fini = fini,
};

SEG_HANDLER_EXPORT(noop);
