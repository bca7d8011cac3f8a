/* A handler without its handle function. */
#include <segmenter/handler.h>

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "no_handle",
};

SEG_HANDLER_EXPORT(handler);
