/* Declares an option whose default is not valid for its type. */
#include <segmenter/handler.h>

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_option options[] = {
	{"pause", SEG_OPTION_DURATION, 0, "10", "A duration without a unit."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "bad_option_default",
	.options = options,
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
