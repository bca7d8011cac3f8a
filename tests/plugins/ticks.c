/* ticks - appends one byte to the file option.path at each tick. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <segmenter/handler.h>

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	int fd = open(host->option(host, "path"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		snprintf(error, error_size, "cannot open option.path: %m");
		return -1;
	}
	*plugin = (void *)(intptr_t)fd;
	return 0;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static void tick(void *plugin, void *state)
{
	(void)state;
	if (write((int)(intptr_t)plugin, "t", 1) != 1)
		abort();
}

static void fini(void *plugin)
{
	close((int)(intptr_t)plugin);
}

static const seg_option options[] = {
	{"path", SEG_OPTION_PATH, 1, NULL, "File to append to."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "ticks",
	.options = options,
	.init = init,
	.handle = handle,
	.tick = tick,
	.fini = fini,
};

SEG_HANDLER_EXPORT(handler);
