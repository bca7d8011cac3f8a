/* Built for a handler ABI that this segrunner does not support. */
#include <segmenter/handler.h>

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI + 1,
	.size = sizeof(seg_handler),
	.name = "wrong_abi",
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
