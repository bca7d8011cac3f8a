/*
 * counts - keeps in state how many messages each key has had. A message's data is its number among those of its key, from 0: one that does
 * not come next is counted under the name "wrong". Each message goes to the section's first output, if there is one. Every
 * option.retries-th message fails once: what it has changed and emitted must be undone. Data that begins with option.fail always fails,
 * and data that begins with option.crash kills the process.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <segmenter/handler.h>

struct counts {
	const char *const *outputs;
	const char *fail, *crash; /* or NULL */
	int64_t retries;
};

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
	struct counts *c = calloc(1, sizeof(*c));
	if (!c)
		return -1;
	c->outputs = host->outputs;
	c->fail = host->option(host, "fail");
	c->crash = host->option(host, "crash");
	c->retries = host->option_integer(host, "retries");
	*plugin = c;
	return 0;
}

static void fini(void *plugin)
{
	free(plugin);
}

static bool begins(const char *data, const char *with)
{
	return with && strncmp(data, with, strlen(with)) == 0;
}

static const char *count_and_emit(const struct counts *c, const seg_batch *batch, size_t i, uint64_t number)
{
	const seg_message *m = &batch->messages[i];
	const char *refusal = NULL;
	if (number_of(batch, i, m->key, m->key_length) != number)
		refusal = add_one(batch, i, "wrong", 5);
	if (!refusal)
		refusal = add_one(batch, i, m->key, m->key_length);
	if (refusal || !c->outputs[0])
		return refusal;
	const seg_output output = {.stream = c->outputs[0],
				   .key = m->key,
				   .key_length = m->key_length,
				   .data = m->data,
				   .data_length = m->data_length};
	return seg_emit(batch, i, &output);
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	const struct counts *c = plugin;
	(void)state;
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *m = &batch->messages[i];
		char data[24];
		snprintf(data, sizeof(data), "%.*s", (int)m->data_length, (const char *)m->data);
		if (begins(data, c->crash))
			kill(getpid(), SIGKILL);
		uint64_t number = strtoull(data, NULL, 10);
		bool again =
			c->retries && number % (uint64_t)c->retries == 1 && !(i == 0 && batch->attempt > 1);
		const char *refusal = count_and_emit(c, batch, i, number);
		if (refusal)
			return seg_retry(i, refusal);
		if (again || begins(data, c->fail))
			return seg_retry(i, "it is to fail");
	}
	return seg_done();
}

static const seg_option options[] = {
	{"retries", SEG_OPTION_INTEGER, 0, "0", "Of each key, every so many-th message fails once; 0: none."},
	{"fail", SEG_OPTION_TEXT, 0, NULL, "Data that begins so always fails."},
	{"crash", SEG_OPTION_TEXT, 0, NULL, "Data that begins so kills the process."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "counts",
	.options = options,
	.init = init,
	.fini = fini,
	.handle = handle,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);
