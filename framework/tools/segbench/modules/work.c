/*
 * work.c - a handler that works, as far as its options say: it takes a while for each message, emits each message to the section's first
 * output, changes a value for each message, and fails for ever with messages of one key. It counts messages in segbench's tally.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <segmenter/handler.h>

#include "measure/tally.h"

/* The names of the values that are changed in turn, in each partition: with 8 of them, those of 10,000 keys. */
enum { NAMES = 1250 };

typedef struct {
	tally *shared;
	struct timespec delay;
	const char *output;
	int state;
	const char *failing;                /* a key; "" for none */
	uint64_t changes[TALLY_PARTITIONS]; /* of values, by any thread */
} worker;

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	const char *path = host->option(host, "tally");
	int64_t delay = host->option_duration(host, "delay");
	worker *w = calloc(1, sizeof(*w));
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *shared =
		fd >= 0 ? mmap(NULL, sizeof(tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (!w || shared == MAP_FAILED) {
		snprintf(error, error_size, "cannot map %s: %s", path, strerror(errno));
		free(w);
		return -1;
	}
	close(fd);
	w->shared = shared;
	w->delay = (struct timespec){.tv_sec = delay / 1000000000, .tv_nsec = delay % 1000000000};
	w->output = SEG_HOST_HAS(host, outputs) ? host->outputs[0] : NULL;
	w->state = host->option_boolean(host, "state");
	w->failing = host->option(host, "failing");
	*plugin = w;
	return 0;
}

/* NULL: all is well. */
static const char *work(worker *w, const seg_batch *batch, size_t i)
{
	const seg_message *m = &batch->messages[i];
	const seg_output output = {.stream = w->output,
				   .key = m->key,
				   .key_length = m->key_length,
				   .data = m->data,
				   .data_length = m->data_length};
	const char *failure = w->output ? seg_emit(batch, i, &output) : NULL;
	if (w->state && !failure) {
		uint64_t change = __atomic_fetch_add(&w->changes[batch->partition % TALLY_PARTITIONS], 1,
						     __ATOMIC_RELAXED);
		uint32_t name = (uint32_t)(change % NAMES);
		failure = seg_state_put(batch, i, &name, sizeof(name), &change, sizeof(change));
	}
	return failure;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)state;
	worker *w = plugin;
	/* What takes long is counted one by one. */
	bool slow = w->delay.tv_nsec || w->delay.tv_sec;
	size_t fails = strlen(w->failing), i = 0;
	const char *failure = NULL;
	for (; i < batch->count && !failure; i++) {
		const seg_message *m = &batch->messages[i];
		if (slow)
			nanosleep(&w->delay, NULL);
		failure = fails && m->key_length == fails && memcmp(m->key, w->failing, fails) == 0
				  ? "told to fail"
				  : work(w, batch, i);
		if (slow && !failure)
			tally_worked(w->shared, batch->partition, 1);
	}
	if (failure)
		i--;
	if (!slow)
		tally_worked(w->shared, batch->partition, i);
	return failure ? seg_retry(i, failure) : seg_done();
}

static void fini(void *plugin)
{
	worker *w = plugin;
	munmap(w->shared, sizeof(tally));
	free(w);
}

static const seg_option options[] = {
	{"tally", SEG_OPTION_PATH, 1, NULL,
	 "The file of the tally, which segbench creates and the handler maps."},
	{"delay", SEG_OPTION_DURATION, 0, "0", "How long each message takes."},
	{"state", SEG_OPTION_BOOLEAN, 0, "no", "Whether each message changes a value."},
	{"failing", SEG_OPTION_TEXT, 0, "", "A key whose messages always fail."},
	{0},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "segbench_work",
	.version = SEG_VERSION,
	.help = "Waits, emits and changes values as its options say. Part of segbench.",
	.options = options,
	.init = init,
	.handle = handle,
	.fini = fini,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);
