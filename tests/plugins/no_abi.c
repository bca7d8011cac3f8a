/* Its struct has no abi. */
#include <segmenter/handler.h>

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_handler handler = {
	.size = sizeof(seg_handler),
	.name = "no_abi",
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
