/* Its struct has no size. */
#include <segmenter/handler.h>

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.name = "no_size",
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
