/*
 * chaos_transform - the handler of a chaos pipeline. For each message it brings its key's chain forward, which it keeps as a value
 * with the key's name, and emits one record with the same key to the section's first output, or three for each eighth message.
 * It records like chaos_record; see recorder.h. What it asks to retry or to dead-letter, it does before it asks, so that segrunner must
 * undo it. chain.h says what a record has.
 */
#include "recorder.h"

#include "chaos/chain.h"

typedef struct {
	recorder recorder;
	const char *output;
	int values; /* whether it keeps any */
} transformer;

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	if (!SEG_HOST_HAS(host, outputs) || !host->outputs[0]) {
		snprintf(error, error_size, "the section has no `outputs`");
		return -1;
	}
	transformer *t = calloc(1, sizeof(*t));
	t->output = host->outputs[0];
	t->values = host->option_boolean(host, "values");
	if (recorder_init(&t->recorder, host, error, error_size)) {
		free(t);
		return -1;
	}
	*plugin = t;
	return 0;
}

static int partition_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error,
			  size_t error_size)
{
	(void)error, (void)error_size;
	recorder_lane *lane = malloc(sizeof(*lane));
	transformer *t = plugin;
	*state = lane;
	return recorder_open(&t->recorder, number, epoch, lane);
}

static void partition_close(void *plugin, void *state, seg_close_reason reason)
{
	transformer *t = plugin;
	recorder_close(&t->recorder, state, reason);
	free(state);
}

/* Brings the key's chain forward; an error's text, or NULL. */
static const char *add_to_chain(const seg_batch *batch, size_t index, chaos_chain *chain)
{
	const seg_message *m = &batch->messages[index];
	char text[CHAOS_CHAIN_TEXT] = "";
	size_t length;
	*chain = (chaos_chain){0};
	const void *value = seg_state_get(batch, index, m->key, m->key_length, &length);
	if (value && length < sizeof(text))
		memcpy(text, value, length);
	if (value && !chaos_chain_parse(text, chain))
		return "the value of the key is no chain";
	chaos_chain_add(chain, m->id.ms, m->id.seq, (uint32_t)atoi(m->data));
	return seg_state_put(batch, index, m->key, m->key_length, text,
			     (size_t)chaos_chain_write(chain, text));
}

static const char *transform(const transformer *t, const seg_batch *batch, size_t index)
{
	const seg_message *m = &batch->messages[index];
	uint32_t number = (uint32_t)atoi(m->data);
	char data[CHAOS_PART_TEXT];
	chaos_chain chain = {0};
	const char *failure = t->values ? add_to_chain(batch, index, &chain) : NULL;
	for (uint32_t part = 0; !failure && part < chaos_parts_of(number); part++) {
		int length =
			chaos_part_write(data, part, number, batch->partition, m->id.ms, m->id.seq, &chain);
		const seg_output output = {.stream = t->output,
					   .key = m->key,
					   .key_length = m->key_length,
					   .data = data,
					   .data_length = (size_t)length};
		failure = seg_emit(batch, index, &output);
	}
	return failure;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	transformer *t = plugin;
	seg_answer answer;
	for (size_t i = 0; i < batch->count; i++) {
		char action = recorder_message(&t->recorder, state, batch, &batch->messages[i]);
		const char *failure = transform(t, batch, i);
		if (failure)
			return recorder_answer(&t->recorder, state, batch, i, 't', seg_retry(i, failure));
		if (recorder_act(&t->recorder, state, batch, i, action, &answer))
			return answer;
	}
	return recorder_answer(&t->recorder, state, batch, batch->count - 1, 'd', seg_done());
}

static void fini(void *plugin)
{
	transformer *t = plugin;
	close(t->recorder.fd);
	free(t);
}

static const seg_option options[] = {
	{"directory", SEG_OPTION_PATH, 1, NULL, "Directory of the file records.PID."},
	{"delay", SEG_OPTION_DURATION, 0, "0", "How long each message takes."},
	{"values", SEG_OPTION_BOOLEAN, 0, "yes", "Whether it keeps a chain for each key."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "chaos_transform",
	.version = "1.0.0",
	.help = "Emits a record for each message, and keeps a chain for each key, for the chaos checker.",
	.options = options,
	.init = init,
	.partition_open = partition_open,
	.handle = handle,
	.partition_close = partition_close,
	.fini = fini,
	.flags = SEG_HANDLER_PARALLEL | SEG_HANDLER_LATE,
};

SEG_HANDLER_EXPORT(handler);
