/*
 * file - appends each message as a line of JSON to one file per partition, and waits for the disk before it answers.
 *
 * So what the group has committed is in the file, whether the process, the machine or Redis crashes. If an owner wrote a
 * batch but did not commit it, the next owner writes the batch again: with the same ids and a higher epoch.
 *
 * Two owners can have the same file open: one that was suspended and declared dead, and its successor. An owner writes only
 * under the file's flock, and first checks whether another owner has written meanwhile: a former owner finds a higher epoch
 * in the last line, and writes nothing.
 */
#include <inttypes.h>
#include <limits.h>

#include <segmenter/handler.h>

#include "../common/buffer.h"
#include "../common/directory.h"
#include "line_file.h"

enum { NAME_SIZE = 300 };

typedef struct file_plugin {
	const seg_host *host;
	const char *directory;
	bool base64; /* always, also where data is UTF-8 */
	bool stop;   /* answer stop when a write fails, else retry */
	seg_counter *lines;
	seg_counter *bytes;
	seg_counter *failures;
} file_plugin;

typedef struct file_partition {
	line_file file;
	buffer lines; /* of one batch */
	char reason[512];
} file_partition;

/* 0 or 1: which of the two values the option has; -1 with one line in error if it has neither. */
static int choose(const seg_host *host, const char *option, const char *first, const char *second,
		  char *error, size_t error_size)
{
	const char *value = host->option(host, option);
	if (strcmp(value, first) == 0)
		return 0;
	if (strcmp(value, second) == 0)
		return 1;
	snprintf(error, error_size, "option.%s = %s is neither %s nor %s; write one of them", option, value,
		 first, second);
	return -1;
}

static int file_check(const seg_host *host, char *error, size_t error_size)
{
	if (choose(host, "encoding", "auto", "base64", error, error_size) < 0 ||
	    choose(host, "on_error", "retry", "stop", error, error_size) < 0)
		return -1;
	return directory_check(host->option(host, "directory"), error, error_size);
}

static int file_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	const char *directory = host->option(host, "directory");
	int base64 = choose(host, "encoding", "auto", "base64", error, error_size);
	int stop = base64 < 0 ? -1 : choose(host, "on_error", "retry", "stop", error, error_size);
	if (stop < 0 || directory_make(directory, error, error_size) != 0)
		return -1;
	file_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	plugin->host = host;
	plugin->directory = directory;
	plugin->base64 = base64;
	plugin->stop = stop;
	plugin->lines = host->counter(host, "lines_total", "Messages written.");
	plugin->bytes = host->counter(host, "written_bytes_total", "Bytes written.");
	plugin->failures = host->counter(host, "write_failures_total", "Batches that could not be written.");
	*out = plugin;
	return 0;
}

static void file_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	(void)plugin, (void)reason;
	file_partition *partition = state;
	line_file_close(&partition->file);
	buffer_fini(&partition->lines);
	free(partition);
}

/* FNV-1a. */
static uint64_t hash(uint64_t seed, const char *text)
{
	for (; *text; text++)
		seed = (seed ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return seed;
}

/*
 * Names contain no @ and no ~, so each stream and group has files of its own. A name that no file can have keeps the
 * beginnings, and gets a hash of the whole.
 */
static void make_name(char name[NAME_SIZE], const char *stream, const char *group, uint32_t number)
{
	int length = snprintf(name, NAME_SIZE, "%s@%s.%" PRIu32 ".jsonl", stream, group, number);
	if (length <= NAME_MAX)
		return;
	uint64_t whole = hash(hash(hash(UINT64_C(0xcbf29ce484222325), stream), "@"), group);
	snprintf(name, NAME_SIZE, "%.100s@%.100s~%016" PRIx64 ".%" PRIu32 ".jsonl", stream, group, whole,
		 number);
}

static int file_partition_open(void *plugin_, uint32_t number, uint64_t epoch, void **state, char *error,
			       size_t error_size)
{
	file_plugin *plugin = plugin_;
	file_partition *partition = calloc(1, sizeof(*partition));
	if (!partition) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	char name[NAME_SIZE];
	make_name(name, plugin->host->stream, plugin->host->group, number);
	size_t cut;
	if (line_file_open(&partition->file, plugin->directory, name, epoch, &cut, error, error_size) != 0) {
		file_partition_close(plugin, partition, SEG_CLOSE_RELEASED);
		return -1;
	}
	if (cut)
		plugin->host->log(plugin->host, SEG_WARNING,
				  "%s/%s ended with an incomplete line of %zu bytes; removed the line",
				  plugin->directory, name, cut);
	*state = partition;
	return 0;
}

static void add_headers(buffer *b, const seg_message *message, bool base64)
{
	for (size_t i = 0; i < message->header_count; i++) {
		const seg_header *header = &message->headers[i];
		buffer_text(b, i ? ",{" : ",\"headers\":[{");
		buffer_field(b, "name", header->name, header->name_length, false);
		buffer_text(b, ",");
		buffer_field(b, "value", header->value, header->value_length, base64);
		buffer_text(b, "}");
	}
	if (message->header_count)
		buffer_text(b, "]");
}

static void add_line(const file_plugin *plugin, buffer *b, const seg_batch *batch, const seg_message *message)
{
	/* The epoch comes first: line_file reads it there. */
	buffer_format(b, "{\"epoch\":%" PRIu64 ",\"id\":\"%" PRIu64 "-%" PRIu64 "\",", batch->epoch,
		      message->id.ms, message->id.seq);
	buffer_format(b, "\"stream\":\"%s\",\"group\":\"%s\",\"partition\":%" PRIu32 ",",
		      plugin->host->stream, plugin->host->group, batch->partition);
	buffer_field(b, "key", message->key, message->key_length, false);
	buffer_text(b, ",");
	buffer_field(b, "data", message->data, message->data_length, plugin->base64);
	add_headers(b, message, plugin->base64);
	buffer_text(b, "}\n");
}

static seg_answer file_handle(void *plugin_, void *state, const seg_batch *batch)
{
	file_plugin *plugin = plugin_;
	file_partition *partition = state;
	buffer *lines = &partition->lines;
	buffer_reset(lines);
	for (size_t i = 0; i < batch->count; i++)
		add_line(plugin, lines, batch, &batch->messages[i]);
	if (lines->failed)
		return seg_retry(0, "out of memory");
	if (line_file_append(&partition->file, lines->bytes, lines->length, partition->reason,
			     sizeof(partition->reason)) == 0) {
		seg_counter_add(plugin->lines, batch->count);
		seg_counter_add(plugin->bytes, lines->length);
		return seg_done();
	}
	seg_counter_add(plugin->failures, 1);
	return plugin->stop ? seg_stop(0, partition->reason) : seg_retry(0, partition->reason);
}

static void file_fini(void *plugin)
{
	free(plugin);
}

static const seg_option options[] = {
	{"directory", SEG_OPTION_PATH, 1, NULL, "Directory of the files; created if its parent exists."},
	{"encoding", SEG_OPTION_TEXT, 0, "auto",
	 "auto: data and header values as text, or in base64 if they are not UTF-8. base64: always in base64."},
	{"on_error", SEG_OPTION_TEXT, 0, "retry",
	 "If a batch cannot be written (a full disk, for example). retry: try again after a pause. stop: stop the runner."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "file",
	.version = "1.0.0",
	.help = "Appends each message as a line of JSON to one file per partition, durably.",
	.options = options,
	.init = file_init,
	.check = file_check,
	.partition_open = file_partition_open,
	.handle = file_handle,
	.partition_close = file_partition_close,
	.fini = file_fini,
};

SEG_HANDLER_EXPORT(handler);
