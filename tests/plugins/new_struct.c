/* Built with a later header: its struct has a member that this segrunner does not know. */
#include <segmenter/handler.h>

struct later_handler {
	seg_handler handler;
	void (*later)(void);
};

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static void never(void)
{
	__builtin_trap();
}

static const struct later_handler later = {
	.handler =
		{
			.abi = SEG_HANDLER_ABI,
			.size = sizeof(struct later_handler),
			.name = "new_struct",
			.handle = handle,
		},
	.later = never,
};

SEG_HANDLER_EXPORT(later.handler);
