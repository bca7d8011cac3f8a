/* Gives invalid answers: option.outcome and option.index, unchecked. */
#include <segmenter/handler.h>

static const seg_host *our_host;

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	(void)plugin, (void)error, (void)error_size;
	our_host = host;
	return 0;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return (seg_answer){
		.outcome = (uint32_t)our_host->option_integer(our_host, "outcome"),
		.index = (uint32_t)our_host->option_integer(our_host, "index"),
		.reason = our_host->option(our_host, "reason"),
	};
}

static const seg_option options[] = {
	{"outcome", SEG_OPTION_INTEGER, 0, "77", "The answer's outcome."},
	{"index", SEG_OPTION_INTEGER, 0, "1000000", "The answer's index."},
	{"reason", SEG_OPTION_TEXT, 0, NULL, "The answer's reason."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "nonsense",
	.options = options,
	.init = init,
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);
