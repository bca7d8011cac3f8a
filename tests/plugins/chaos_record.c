/*
 * chaos_record - records for the chaos checker which messages a handler gets, when, and what it answers.
 *
 * Each event is one line, in one write(2), so that lines survive a kill of the process:
 *
 *     o TIME EPOCH PARTITION                 partition_open
 *     c TIME EPOCH PARTITION 0|1             partition_close: released, or lost
 *     m TIME EPOCH PARTITION ID KEY NUMBER   the handling of a message begins
 *     r TIME EPOCH PARTITION ID d|l|t        the call returns: done up to ID; or ID is a dead letter, or to be retried
 *
 * TIME is ns of CLOCK_BOOTTIME. Data is "NUMBER ACTION ...". Action -: done; l: dead-lettered; t: retried once, then done.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <segmenter/handler.h>

struct recorder {
	int fd;
	struct timespec delay; /* for each message */
};

struct partition {
	uint32_t number;
	uint64_t epoch;
};

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void append(const struct recorder *recorder, const char *line, int length)
{
	if (write(recorder->fd, line, (size_t)length) != length)
		abort();
}

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	char path[4096];
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	int64_t delay = host->option_duration(host, "delay");
	snprintf(path, sizeof(path), "%s/records.%d", host->option(host, "directory"), (int)getpid());
	recorder->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (recorder->fd < 0) {
		snprintf(error, error_size, "cannot open %.200s: %m", path);
		free(recorder);
		return -1;
	}
	recorder->delay = (struct timespec){.tv_sec = delay / 1000000000, .tv_nsec = delay % 1000000000};
	*plugin = recorder;
	return 0;
}

static int partition_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error,
			  size_t error_size)
{
	(void)error, (void)error_size;
	struct partition *partition = malloc(sizeof(*partition));
	*partition = (struct partition){number, epoch};
	*state = partition;
	char line[128];
	append(plugin, line,
	       snprintf(line, sizeof(line), "o %" PRId64 " %" PRIu64 " %" PRIu32 "\n", now(), epoch, number));
	return 0;
}

static void partition_close(void *plugin, void *state, seg_close_reason reason)
{
	struct partition *partition = state;
	char line[128];
	append(plugin, line,
	       snprintf(line, sizeof(line), "c %" PRId64 " %" PRIu64 " %" PRIu32 " %d\n", now(),
			partition->epoch, partition->number, (int)reason));
	free(partition);
}

static void record_message(const struct recorder *recorder, const seg_batch *batch, const seg_message *m)
{
	char line[512];
	append(recorder, line,
	       snprintf(line, sizeof(line),
			"m %" PRId64 " %" PRIu64 " %" PRIu32 " %" PRIu64 "-%" PRIu64 " %.*s %d\n", now(),
			batch->epoch, batch->partition, m->id.ms, m->id.seq, (int)m->key_length,
			(const char *)m->key, atoi(m->data)));
}

static seg_answer answer(const struct recorder *recorder, const seg_batch *batch, size_t index, char how,
			 seg_answer value)
{
	char line[128];
	const seg_message *m = &batch->messages[index];
	append(recorder, line,
	       snprintf(line, sizeof(line),
			"r %" PRId64 " %" PRIu64 " %" PRIu32 " %" PRIu64 "-%" PRIu64 " %c\n", now(),
			batch->epoch, batch->partition, m->id.ms, m->id.seq, how));
	return value;
}

static char action_of(const seg_message *m)
{
	const char *blank = memchr(m->data, ' ', m->data_length);
	return blank ? blank[1] : '-';
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)state;
	const struct recorder *recorder = plugin;
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *m = &batch->messages[i];
		record_message(recorder, batch, m);
		nanosleep(&recorder->delay, NULL);
		char action = action_of(m);
		if (action == 'l')
			return answer(recorder, batch, i, 'l', seg_dead_letter(i, "told to dead-letter"));
		if (action == 't' && (i > 0 || batch->attempt == 1))
			return answer(recorder, batch, i, 't', seg_retry(i, "told to try again"));
	}
	return answer(recorder, batch, batch->count - 1, 'd', seg_done());
}

static void fini(void *plugin)
{
	struct recorder *recorder = plugin;
	close(recorder->fd);
	free(recorder);
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
};

SEG_HANDLER_EXPORT(handler);
