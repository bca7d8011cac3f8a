/*
 * limit - a plugin to start from, in C: reads a number from each message, and appends an alarm to a file if it is too high.
 *
 * The plugin has options, a counter, state for each partition, and every answer but stop: a message whose data is not a
 * number becomes a dead letter, because it can never be handled; if an alarm cannot be written, its message is retried.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <segmenter/handler.h>

/* What all partitions share. init sets it, and nothing changes it afterwards: so it needs no lock. */
struct limit {
	const seg_host *host;
	int64_t maximum;
	FILE *alarms;
	seg_counter *exceeded;
};

/* The state of one partition. Only the partition's worker thread uses it: so it needs no lock. */
struct limit_partition {
	uint32_t number;
	uint64_t messages;
};

static int limit_init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	const char *path = host->option(host, "alarms");
	struct limit *limit = calloc(1, sizeof(*limit));
	if (!limit || !(limit->alarms = fopen(path, "a"))) {
		snprintf(error, error_size, "cannot open option.alarms = %s for appending", path);
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

/* Reads the whole data as a number. 0, or -1 if the data is not one. Data has a length, and no NUL at its end. */
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

/* The first message that fails ends the loop: the answer names it, and says that the messages before it are done. */
static seg_answer check(struct limit *limit, struct limit_partition *partition, const seg_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *message = &batch->messages[i];
		int64_t number;
		if (read_number(message, &number) != 0)
			return seg_dead_letter(i, "the data is not a number");
		partition->messages++;
		if (number <= limit->maximum)
			continue;
		/* stdio locks the file: partitions may write to it at the same time. */
		if (fprintf(limit->alarms, "%.*s %" PRId64 "\n", (int)message->key_length,
			    (const char *)message->key, number) < 0)
			return seg_retry(i, "cannot write to option.alarms");
		seg_counter_add(limit->exceeded, 1);
	}
	return seg_done();
}

static seg_answer limit_handle(void *plugin, void *state, const seg_batch *batch)
{
	struct limit *limit = plugin;
	seg_answer answer = check(limit, state, batch);
	/* "Done" must be true: alarms leave the buffer before the answer. */
	if (fflush(limit->alarms) != 0)
		return seg_retry(0, "cannot write to option.alarms");
	return answer;
}

static void limit_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	struct limit *limit = plugin;
	struct limit_partition *partition = state;
	limit->host->log(limit->host, SEG_INFO, "checked %" PRIu64 " messages of partition %" PRIu32 "%s",
			 partition->messages, partition->number,
			 reason == SEG_CLOSE_LOST ? "; the partition was lost" : "");
	free(partition);
}

static void limit_fini(void *plugin)
{
	struct limit *limit = plugin;
	fclose(limit->alarms);
	free(limit);
}

static const seg_option options[] = {
	{"maximum", SEG_OPTION_INTEGER, 0, "100", "The highest number without an alarm."},
	{"alarms", SEG_OPTION_PATH, 1, NULL, "File to which alarms are appended."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "limit",
	.version = "1.0.0",
	.help = "Appends the keys of numbers that are too high to a file.",
	.options = options,
	.init = limit_init,
	.partition_open = limit_partition_open,
	.handle = limit_handle,
	.partition_close = limit_partition_close,
	.fini = limit_fini,
};

SEG_HANDLER_EXPORT(handler);
