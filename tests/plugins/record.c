/*
 * record - records for a test what a handler gets, and answers as the test wants.
 *
 * For each message, the plugin first appends one line, in one write(2):
 *
 *     EPOCH PARTITION ID KEY DATA ATTEMPT
 *
 * Bytes of KEY and DATA outside of '!' to '~' are written as \xHH; empty ones as -. With option.events there are also
 * lines of ownership:
 *
 *     open EPOCH PARTITION
 *     close EPOCH PARTITION released|lost
 *
 * With `parallel` above 1, each lane has its lines of ownership, and the lines of a key are in the order in which it was handled.
 *
 * record_2.so is another build of this plugin, which adds 1000 to ATTEMPT.
 *
 * option.path: the file; %p becomes the process id. Several processes may append to one file. Lines survive a kill of the
 * process, because the kernel has them by then.
 *
 * A message's data decides the answer. The data is matched against patterns of fnmatch(3) in this order: crash (abort),
 * stop, dead_letter, fail (retry, for the first fail_times attempts). Messages before a match are done.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <segmenter/handler.h>

#ifndef RECORD_MARK
#define RECORD_MARK 0
#endif

enum { TEXT_SIZE = 4096 };

struct record {
	const seg_host *host;
	int fd;
	bool events;
	const char *crash, *stop, *dead_letter, *fail; /* patterns, or NULL */
	int64_t fail_times;                            /* 0: always */
	int64_t delay;                                 /* ns for each message */
	const char *block_file;                        /* or NULL */
	seg_counter *messages;
};

struct partition {
	uint32_t number;
	uint64_t epoch;
};

static void expand_path(const char *path, char *expanded, size_t size)
{
	const char *mark = strstr(path, "%p");
	if (mark)
		snprintf(expanded, size, "%.*s%d%s", (int)(mark - path), path, (int)getpid(), mark + 2);
	else
		snprintf(expanded, size, "%s", path);
}

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	char path[TEXT_SIZE];
	struct record *record = calloc(1, sizeof(*record));
	expand_path(host->option(host, "path"), path, sizeof(path));
	record->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (record->fd < 0) {
		snprintf(error, error_size, "cannot open %s: %m", path);
		free(record);
		return -1;
	}
	record->host = host;
	record->events = host->option_boolean(host, "events");
	record->crash = host->option(host, "crash");
	record->stop = host->option(host, "stop");
	record->dead_letter = host->option(host, "dead_letter");
	record->fail = host->option(host, "fail");
	record->fail_times = host->option_integer(host, "fail_times");
	record->delay = host->option_duration(host, "delay");
	record->block_file = host->option(host, "block_file");
	record->messages = host->counter(host, "messages_total", "Messages recorded.");
	*plugin = record;
	return 0;
}

static void append(const struct record *record, const char *line, int length)
{
	if (write(record->fd, line, (size_t)length) != length)
		abort();
}

static int partition_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error,
			  size_t error_size)
{
	(void)error, (void)error_size;
	const struct record *record = plugin;
	struct partition *partition = malloc(sizeof(*partition));
	*partition = (struct partition){number, epoch};
	*state = partition;
	char line[100];
	if (record->events)
		append(record, line,
		       snprintf(line, sizeof(line), "open %" PRIu64 " %" PRIu32 "\n", epoch, number));
	return 0;
}

static void partition_close(void *plugin, void *state, seg_close_reason reason)
{
	const struct record *record = plugin;
	struct partition *partition = state;
	char line[100];
	if (record->events)
		append(record, line,
		       snprintf(line, sizeof(line), "close %" PRIu64 " %" PRIu32 " %s\n", partition->epoch,
				partition->number, reason == SEG_CLOSE_RELEASED ? "released" : "lost"));
	free(partition);
}

/* Cut to what fits. */
static const char *show(const void *bytes, size_t length, char text[TEXT_SIZE])
{
	const unsigned char *c = bytes;
	size_t used = 0;
	for (size_t i = 0; i < length && used + 5 < TEXT_SIZE; i++)
		used += (size_t)snprintf(text + used, TEXT_SIZE - used,
					 c[i] > ' ' && c[i] < 0x7f ? "%c" : "\\x%02x", c[i]);
	return length ? text : "-";
}

static void record_message(const struct record *record, const seg_batch *batch, size_t i)
{
	const seg_message *message = &batch->messages[i];
	char key[TEXT_SIZE], data[TEXT_SIZE], line[3 * TEXT_SIZE];
	int length = snprintf(line, sizeof(line),
			      "%" PRIu64 " %" PRIu32 " %" PRIu64 "-%" PRIu64 " %s %s %" PRIu32 "\n",
			      batch->epoch, batch->partition, message->id.ms, message->id.seq,
			      show(message->key, message->key_length, key),
			      show(message->data, message->data_length, data),
			      (i == 0 ? batch->attempt : 1) + RECORD_MARK);
	append(record, line, length);
}

static void pause_for(int64_t ns)
{
	struct timespec left = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	while (nanosleep(&left, &left))
		;
}

static bool matches(const char *pattern, const seg_message *message)
{
	char data[TEXT_SIZE];
	if (!pattern)
		return false;
	snprintf(data, sizeof(data), "%.*s", (int)message->data_length, (const char *)message->data);
	return fnmatch(pattern, data, 0) == 0;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)state;
	const struct record *record = plugin;
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *message = &batch->messages[i];
		int64_t attempt = i == 0 ? batch->attempt : 1;
		record_message(record, batch, i);
		seg_counter_add(record->messages, 1);
		while (record->block_file && access(record->block_file, F_OK) == 0)
			pause_for(1000000);
		pause_for(record->delay);
		if (matches(record->crash, message))
			abort();
		if (matches(record->stop, message))
			return seg_stop(i, "told to stop");
		if (matches(record->dead_letter, message))
			return seg_dead_letter(i, "told to dead-letter");
		if (matches(record->fail, message) &&
		    (record->fail_times == 0 || attempt <= record->fail_times))
			return seg_retry(i, "told to fail");
	}
	return seg_done();
}

static void fini(void *plugin)
{
	struct record *record = plugin;
	close(record->fd);
	free(record);
}

static const seg_option options[] = {
	{"path", SEG_OPTION_PATH, 1, NULL, "The file to append to; %p becomes the process id."},
	{"events", SEG_OPTION_BOOLEAN, 0, "no", "Record partition_open and partition_close, too."},
	{"crash", SEG_OPTION_TEXT, 0, NULL, "Abort at messages whose data matches this pattern."},
	{"stop", SEG_OPTION_TEXT, 0, NULL, "Answer stop at messages whose data matches this pattern."},
	{"dead_letter", SEG_OPTION_TEXT, 0, NULL,
	 "Answer dead_letter at messages whose data matches this pattern."},
	{"fail", SEG_OPTION_TEXT, 0, NULL, "Answer retry at messages whose data matches this pattern."},
	{"fail_times", SEG_OPTION_INTEGER, 0, "0", "How many attempts get the answer retry; 0: all."},
	{"delay", SEG_OPTION_DURATION, 0, "0", "How long each message takes."},
	{"block_file", SEG_OPTION_PATH, 0, NULL,
	 "While this file exists, handle waits after it has recorded a message."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "record",
	.version = "1.0.0",
	.help = "Records the messages it gets, for tests.",
	.options = options,
	.init = init,
	.partition_open = partition_open,
	.handle = handle,
	.partition_close = partition_close,
	.fini = fini,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);
