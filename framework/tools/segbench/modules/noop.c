/*
 * noop.c - a handler that only counts messages, in segbench's tally.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <segmenter/handler.h>

#include "measure/tally.h"

typedef struct {
	tally *shared;
	int process;       /* the pid of the segrunner */
	int64_t handle_us; /* the time that each batch takes */
	bool latency;      /* whether messages begin with the time of their send; see ways/sender.h */
} counter;

static tally *map_tally(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	void *shared = mmap(NULL, sizeof(tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int failure = errno;
	close(fd);
	errno = failure;
	return shared == MAP_FAILED ? NULL : shared;
}

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	const char *path = host->option(host, "tally");
	counter *c = calloc(1, sizeof(*c));
	if (c)
		c->shared = map_tally(path);
	if (!c || !c->shared) {
		snprintf(error, error_size, "cannot map %s: %s", path, strerror(errno));
		free(c);
		return -1;
	}
	c->process = getpid();
	c->latency = host->option_boolean(host, "latency");
	c->handle_us = host->option_integer(host, "handle_us");
	*plugin = c;
	return 0;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)state;
	counter *c = plugin;
	struct timespec work = {.tv_nsec = c->handle_us * 1000};
	if (c->handle_us > 0)
		nanosleep(&work, NULL);
	if (batch->partition >= TALLY_PARTITIONS)
		return seg_done();
	tally_owned(c->shared, batch->partition, c->process);
	if (!c->latency) {
		tally_arrived(c->shared, batch->partition, batch->count);
		return seg_done();
	}
	int64_t now = tally_now();
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *message = &batch->messages[i];
		int64_t stamp = 0;
		if (message->data_length >= sizeof(stamp))
			memcpy(&stamp, message->data, sizeof(stamp));
		tally_received(c->shared, batch->partition, stamp, now);
	}
	return seg_done();
}

static void fini(void *plugin)
{
	counter *c = plugin;
	munmap(c->shared, sizeof(tally));
	free(c);
}

static const seg_option options[] = {
	{"tally", SEG_OPTION_PATH, 1, NULL,
	 "The file of the tally, which segbench creates and the handler maps."},
	{"latency", SEG_OPTION_BOOLEAN, 0, "no", "Whether messages begin with the time of their send."},
	{"handle_us", SEG_OPTION_INTEGER, 0, "0",
	 "Microseconds that the handler sleeps for each batch; less than 1,000,000."},
	{0},
};

static const seg_handler noop = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "segbench_noop",
	.version = SEG_VERSION,
	.help = "Counts messages and does nothing else. Part of segbench.",
	.options = options,
	.init = init,
	.handle = handle,
	.fini = fini,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(noop);
