/* Declares an option whose name no config file can have. */
#include <segmenter/handler.h>

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_option options[] = {
	{"Path", SEG_OPTION_PATH, 0, NULL, "A name with a capital."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "bad_option_name",
	.options = options,
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
