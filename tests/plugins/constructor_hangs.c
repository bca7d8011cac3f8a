/* Never returns from its constructor. */
#include <unistd.h>

#include <segmenter/handler.h>

__attribute__((constructor)) static void construct(void)
{
	for (;;)
		pause();
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "constructor_hangs",
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
