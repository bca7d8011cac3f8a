/* Ends the process while it is loaded, without an error code. */
#include <stdlib.h>

#include <segmenter/handler.h>

__attribute__((constructor)) static void construct(void)
{
	exit(0);
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "constructor_exits",
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
