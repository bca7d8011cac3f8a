/* Aborts while it is loaded, like a C++ plugin whose static object throws. */
#include <stdlib.h>

#include <segmenter/handler.h>

__attribute__((constructor)) static void construct(void)
{
	abort();
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "constructor_aborts",
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
