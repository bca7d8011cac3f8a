/* stays - does nothing, and stays mapped after dlclose. stays_2.so is another build of this plugin, with that name. */
#include <segmenter/handler.h>

#ifndef STAYS_NAME
#define STAYS_NAME "stays"
#endif

static seg_answer handle(void *plugin, void *partition, const seg_batch *batch)
{
	(void)plugin;
	(void)partition;
	(void)batch;
	return seg_done();
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = STAYS_NAME,
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
