/* Built with an older header: its struct ends after handle. What lies after it must not be read. */
#include <stddef.h>

#include <segmenter/handler.h>

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static void never(void *plugin)
{
	(void)plugin;
	__builtin_trap();
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = offsetof(seg_handler, tick),
	.name = "old_struct",
	.handle = handle,
	.fini = never,
};

SEG_HANDLER_EXPORT(handler);
