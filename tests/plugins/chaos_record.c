/*
 * chaos_record - records for the chaos checker which messages a handler gets, when, and what it answers: see recorder.h.
 */
#include "recorder.h"

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	recorder *r = calloc(1, sizeof(*r));
	if (recorder_init(r, host, error, error_size)) {
		free(r);
		return -1;
	}
	*plugin = r;
	return 0;
}

static int partition_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error,
			  size_t error_size)
{
	(void)error, (void)error_size;
	recorder_lane *lane = malloc(sizeof(*lane));
	*state = lane;
	return recorder_open(plugin, number, epoch, lane);
}

static void partition_close(void *plugin, void *state, seg_close_reason reason)
{
	recorder_close(plugin, state, reason);
	free(state);
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	seg_answer answer;
	for (size_t i = 0; i < batch->count; i++) {
		char action = recorder_message(plugin, state, batch, &batch->messages[i]);
		if (recorder_act(plugin, state, batch, i, action, &answer))
			return answer;
	}
	return recorder_answer(plugin, state, batch, batch->count - 1, 'd', seg_done());
}

static void fini(void *plugin)
{
	recorder *r = plugin;
	close(r->fd);
	free(r);
}

static const seg_option options[] = {
	{"directory", SEG_OPTION_PATH, 1, NULL, "Directory of the file records.PID."},
	{"delay", SEG_OPTION_DURATION, 0, "0", "How long each message takes."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "chaos_record",
	.version = "1.0.0",
	.help = "Records the messages it gets, and when, for the chaos checker.",
	.options = options,
	.init = init,
	.partition_open = partition_open,
	.handle = handle,
	.partition_close = partition_close,
	.fini = fini,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);
