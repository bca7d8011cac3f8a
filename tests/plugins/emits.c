/*
 * emits - emits each message to the first of the section's outputs, with the same key, data and headers; and to the second, if there
 * is one, only its key. Data that begins with option.fail fails once it has emitted; option.delay: a pause after each message;
 * option.keep: keeps each key's newest data in state.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <segmenter/handler.h>

struct emits {
	const char *const *outputs;
	const char *fail;
	int64_t delay, keep;
};

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	(void)error;
	(void)error_size;
	struct emits *e = calloc(1, sizeof(*e));
	if (!e)
		return -1;
	e->outputs = host->outputs;
	e->fail = host->option(host, "fail");
	e->delay = host->option_duration(host, "delay");
	e->keep = host->option_integer(host, "keep");
	*plugin = e;
	return 0;
}

static void fini(void *plugin)
{
	free(plugin);
}

static bool fails(const struct emits *e, const seg_message *m)
{
	size_t length = strlen(e->fail);
	return m->data_length >= length && memcmp(m->data, e->fail, length) == 0;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	const struct emits *e = plugin;
	(void)state;
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *m = &batch->messages[i];
		for (size_t k = 0; e->outputs[k]; k++) {
			const seg_output output = {.stream = e->outputs[k],
						   .key = m->key,
						   .key_length = m->key_length,
						   .data = m->data,
						   .data_length = k ? 0 : m->data_length,
						   .headers = m->headers,
						   .header_count = k ? 0 : m->header_count};
			const char *why = seg_emit(batch, i, &output);
			if (why)
				return seg_dead_letter(i, why);
		}
		if (e->keep && seg_state_put(batch, i, m->key, m->key_length, m->data, m->data_length))
			return seg_dead_letter(i, "its data was not kept");
		if (fails(e, m))
			return seg_retry(i, "it is to fail");
		if (e->delay) {
			struct timespec pause = {.tv_sec = e->delay / 1000000000,
						 .tv_nsec = e->delay % 1000000000};
			nanosleep(&pause, NULL);
		}
	}
	return seg_done();
}

static const seg_option options[] = {
	{"fail", SEG_OPTION_TEXT, 0, "fail", "Data that begins so always fails."},
	{"delay", SEG_OPTION_DURATION, 0, "0", "A pause after each message."},
	{"keep", SEG_OPTION_INTEGER, 0, "0", "1: keeps each key's newest data."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "emits",
	.options = options,
	.init = init,
	.fini = fini,
	.handle = handle,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);
