/*
 * counts - keeps in state how many messages each key has had. A message's data is its number among those of its key, from 0: one that does
 * not come next is counted under the name "wrong". Every option.retries-th message fails once: what it has changed must be undone.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <segmenter/handler.h>

static uint64_t number_of(const seg_batch *batch, size_t i, const void *name, size_t length)
{
	size_t size;
	char text[24];
	const void *value = seg_state_get(batch, i, name, length, &size);
	snprintf(text, sizeof(text), "%.*s", value ? (int)size : 0, value ? (const char *)value : "");
	return strtoull(text, NULL, 10);
}

static const char *add_one(const seg_batch *batch, size_t i, const void *name, size_t length)
{
	char text[24];
	int digits = snprintf(text, sizeof(text), "%llu",
			      (unsigned long long)number_of(batch, i, name, length) + 1);
	return seg_state_put(batch, i, name, length, text, (size_t)digits);
}

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	(void)error, (void)error_size;
	*plugin = (void *)(intptr_t)host->option_integer(host, "retries");
	return 0;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	int64_t retries = (intptr_t)plugin;
	(void)state;
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *m = &batch->messages[i];
		char data[24];
		snprintf(data, sizeof(data), "%.*s", (int)m->data_length, (const char *)m->data);
		uint64_t number = strtoull(data, NULL, 10);
		bool again = retries && number % (uint64_t)retries == 1 && !(i == 0 && batch->attempt > 1);
		const char *refusal = NULL;
		if (number_of(batch, i, m->key, m->key_length) != number)
			refusal = add_one(batch, i, "wrong", 5);
		if (!refusal)
			refusal = add_one(batch, i, m->key, m->key_length);
		if (refusal || again)
			return seg_retry(i, refusal ? refusal : "it fails once");
	}
	return seg_done();
}

static const seg_option options[] = {
	{"retries", SEG_OPTION_INTEGER, 0, "0", "Of each key, every so many-th message fails once; 0: none."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "counts",
	.options = options,
	.init = init,
	.handle = handle,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);
