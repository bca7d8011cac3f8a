/* init fails, with a reason of two lines, or without a reason if option.silent is set. */
#include <stdio.h>

#include <segmenter/handler.h>

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	(void)plugin;
	if (!host->option_boolean(host, "silent"))
		snprintf(error, error_size, "the moon is full\nand the tide is high");
	return -1;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static void fini(void *plugin)
{
	(void)plugin;
	__builtin_trap(); /* never called after init has failed */
}

static const seg_option options[] = {
	{"silent", SEG_OPTION_BOOLEAN, 0, "no", "Give no reason."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "failing_init",
	.options = options,
	.init = init,
	.handle = handle,
	.fini = fini,
};

SEG_HANDLER_EXPORT(handler);
