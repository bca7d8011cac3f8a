/* Suspends the process option.pid, a redis-server, from its init: what segrunner asks Redis next gets no answer. */
#include <signal.h>
#include <stdio.h>

#include <segmenter/handler.h>

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	(void)plugin;
	if (kill((pid_t)host->option_integer(host, "pid"), SIGSTOP) == 0)
		return 0;
	snprintf(error, error_size, "there is no such process");
	return -1;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_option options[] = {
	{"pid", SEG_OPTION_INTEGER, 1, NULL, "The process to suspend."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "stops_redis",
	.options = options,
	.init = init,
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
