/*
 * limit - a plugin to start from, in C: reads a number from each message and warns when it is too high.
 *
 * It has an option, a counter, state of its own for each partition, and every kind of answer but stop: a
 * message that is no number can never be handled and becomes a dead letter; one that could not be written is
 * retried.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <segmenter/handler.h>

/* What all partitions share. Set in init and only read afterwards, so no lock is needed. */
struct limit {
	const seg_host *host;
	int64_t maximum;
	FILE *alarms;
	seg_counter *exceeded;
};

/* What one partition has for itself: its thread alone touches it. */
struct limit_partition {
	uint32_t number;
	uint64_t messages;
};

static int limit_init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	const char *path = host->option(host, "alarms");
	struct limit *limit = calloc(1, sizeof(*limit));
	if (!limit || !(limit->alarms = fopen(path, "a"))) {
		snprintf(error, error_size, "cannot open option.alarms = %s", path);
		free(limit);
		return -1;
	}
	limit->host = host;
	limit->maximum = host->option_integer(host, "maximum");
	limit->exceeded = host->counter(host, "exceeded_total", "Messages whose number was too high.");
	*plugin = limit;
	return 0;
}

static int limit_partition_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error,
				size_t error_size)
{
	(void)plugin, (void)epoch;
	struct limit_partition *partition = calloc(1, sizeof(*partition));
	if (!partition) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	partition->number = number;
	*state = partition;
	return 0;
}

/* The whole data as a number; 0 if it is one, else -1. Data has a length and no NUL at its end. */
static int read_number(const seg_message *message, int64_t *number)
{
	char text[24], *end;
	if (message->data_length == 0 || message->data_length >= sizeof(text))
		return -1;
	memcpy(text, message->data, message->data_length);
	text[message->data_length] = '\0';
	*number = strtoll(text, &end, 10);
	return *end ? -1 : 0;
}

/* The first message that cannot be handled ends the loop: those before it are done, and it is answered for. */
static seg_answer look_at(struct limit *limit, struct limit_partition *partition, const seg_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *message = &batch->messages[i];
		int64_t number;
		if (read_number(message, &number) != 0)
			return seg_dead_letter(i, "the data is no number");
		partition->messages++;
		if (number <= limit->maximum)
			continue;
		/* stdio locks the file, so partitions may write to it at once. */
		if (fprintf(limit->alarms, "%.*s %" PRId64 "\n", (int)message->key_length,
			    (const char *)message->key, number) < 0)
			return seg_retry(i, "cannot write to the file of alarms");
		seg_counter_add(limit->exceeded, 1);
	}
	return seg_done();
}

static seg_answer limit_handle(void *plugin, void *state, const seg_batch *batch)
{
	struct limit *limit = plugin;
	seg_answer answer = look_at(limit, state, batch);
	/* What is said to be done must be done: alarms leave the buffer before the answer. */
	if (fflush(limit->alarms) != 0)
		return seg_retry(0, "cannot write to the file of alarms");
	return answer;
}

static void limit_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	struct limit *limit = plugin;
	struct limit_partition *partition = state;
	limit->host->log(limit->host, SEG_INFO, "looked at %" PRIu64 " messages of partition %" PRIu32 "%s",
			 partition->messages, partition->number,
			 reason == SEG_CLOSE_LOST ? ", and lost it" : "");
	free(partition);
}

static void limit_fini(void *plugin)
{
	struct limit *limit = plugin;
	fclose(limit->alarms);
	free(limit);
}

static const seg_option options[] = {
	{"maximum", SEG_OPTION_INTEGER, 0, "100", "The highest number that raises no alarm."},
	{"alarms", SEG_OPTION_PATH, 1, NULL, "The file that alarms are appended to."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "limit",
	.version = "1.0.0",
	.help = "Appends keys and numbers that are too high to a file.",
	.options = options,
	.init = limit_init,
	.partition_open = limit_partition_open,
	.handle = limit_handle,
	.partition_close = limit_partition_close,
	.fini = limit_fini,
};

SEG_HANDLER_EXPORT(handler);
