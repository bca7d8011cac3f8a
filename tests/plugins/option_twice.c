/* Declares an option twice. */
#include <segmenter/handler.h>

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_option options[] = {
	{"path", SEG_OPTION_PATH, 0, NULL, "A path."},
	{"path", SEG_OPTION_TEXT, 0, NULL, "A text."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "option_twice",
	.options = options,
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
