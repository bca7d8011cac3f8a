/* Calls a function that nothing defines. */
#include <segmenter/handler.h>

int defined_nowhere(void);

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return defined_nowhere() ? seg_done() : seg_retry(0, NULL);
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "undefined_symbol",
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
