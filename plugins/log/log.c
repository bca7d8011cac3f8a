/*
 * log - prints each message to standard output, to look into a stream. The shortest plugin, to learn from.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <segmenter/handler.h>

#include "../common/buffer.h"

typedef struct log_plugin {
	const seg_host *host;
	bool json;
	size_t max_bytes; /* SIZE_MAX: no limit */
	seg_counter *lines;
	pthread_mutex_t output; /* so that lines of several partitions do not mix */
} log_plugin;

typedef struct log_partition {
	buffer lines; /* of one batch */
	char failure[160];
} log_partition;

static int log_check(const seg_host *host, char *error, size_t error_size)
{
	const char *format = host->option(host, "format");
	int64_t max_bytes = host->option_integer(host, "max_bytes");
	if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0) {
		snprintf(error, error_size, "option.format = %s is neither text nor json; write one of them",
			 format);
		return -1;
	}
	if (max_bytes < 0) {
		snprintf(error, error_size, "option.max_bytes must not be negative; 0 shows all");
		return -1;
	}
	return 0;
}

static int log_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	const char *format = host->option(host, "format");
	int64_t max_bytes = host->option_integer(host, "max_bytes");
	if (log_check(host, error, error_size) != 0)
		return -1;
	log_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	plugin->host = host;
	plugin->json = strcmp(format, "json") == 0;
	plugin->max_bytes = max_bytes ? (size_t)max_bytes : SIZE_MAX;
	plugin->lines = host->counter(host, "lines_total", "Messages printed.");
	pthread_mutex_init(&plugin->output, NULL);
	*out = plugin;
	return 0;
}

static int log_partition_open(void *plugin, uint32_t partition, uint64_t epoch, void **state, char *error,
			      size_t error_size)
{
	(void)plugin, (void)partition, (void)epoch;
	*state = calloc(1, sizeof(log_partition));
	if (*state)
		return 0;
	snprintf(error, error_size, "out of memory");
	return -1;
}

/* Adds the bytes in quotes, at most `max`; bytes that are not printable UTF-8 as \xHH. */
static void add_quoted(buffer *b, const void *bytes, size_t n, size_t max)
{
	const unsigned char *c = bytes, *end = c + (n < max ? n : max);
	buffer_text(b, "\"");
	while (c < end) {
		size_t length = utf8_length(c, (size_t)(end - c));
		if (length == 0 || is_control(c, length)) {
			buffer_format(b, *c == '\n' ? "\\n" : "\\x%02x", *c);
			length = 1;
		} else if (*c == '"' || *c == '\\') {
			buffer_format(b, "\\%c", *c);
		} else {
			buffer_add(b, c, length);
		}
		c += length;
	}
	buffer_text(b, "\"");
	if (n > max)
		buffer_format(b, "...(%zu bytes)", n);
}

static void add_text_line(const log_plugin *plugin, buffer *b, const seg_batch *batch,
			  const seg_message *message)
{
	buffer_format(b,
		      "stream=%s partition=%" PRIu32 " id=%" PRIu64 "-%" PRIu64 " key=", plugin->host->stream,
		      batch->partition, message->id.ms, message->id.seq);
	add_quoted(b, message->key, message->key_length, plugin->max_bytes);
	buffer_text(b, " data=");
	add_quoted(b, message->data, message->data_length, plugin->max_bytes);
	for (size_t i = 0; i < message->header_count; i++) {
		buffer_text(b, " ");
		add_quoted(b, message->headers[i].name, message->headers[i].name_length, plugin->max_bytes);
		buffer_text(b, "=");
		add_quoted(b, message->headers[i].value, message->headers[i].value_length, plugin->max_bytes);
	}
	buffer_text(b, "\n");
}

/* How many bytes to show: at most max, and fewer where that avoids cutting a UTF-8 character. */
static size_t cut(const void *bytes, size_t n, size_t max)
{
	if (n <= max)
		return n;
	for (size_t less = 0; less < 4 && less <= max; less++)
		if (is_utf8(bytes, max - less))
			return max - less;
	return max;
}

static void add_json_field(buffer *b, const char *name, const void *bytes, size_t n, size_t max)
{
	size_t shown = cut(bytes, n, max);
	buffer_field(b, name, bytes, shown, false);
	if (shown < n)
		buffer_format(b, ",\"%s_bytes\":%zu", name, n);
}

static void add_json_line(const log_plugin *plugin, buffer *b, const seg_batch *batch,
			  const seg_message *message)
{
	buffer_format(b, "{\"stream\":\"%s\",\"partition\":%" PRIu32 ",\"id\":\"%" PRIu64 "-%" PRIu64 "\",",
		      plugin->host->stream, batch->partition, message->id.ms, message->id.seq);
	add_json_field(b, "key", message->key, message->key_length, plugin->max_bytes);
	buffer_text(b, ",");
	add_json_field(b, "data", message->data, message->data_length, plugin->max_bytes);
	if (message->header_count)
		buffer_text(b, ",\"headers\":[");
	for (size_t i = 0; i < message->header_count; i++) {
		const seg_header *header = &message->headers[i];
		buffer_text(b, i ? ",{" : "{");
		add_json_field(b, "name", header->name, header->name_length, plugin->max_bytes);
		buffer_text(b, ",");
		add_json_field(b, "value", header->value, header->value_length, plugin->max_bytes);
		buffer_text(b, "}");
	}
	buffer_text(b, message->header_count ? "]}\n" : "}\n");
}

/* 0, or an errno. */
static int write_all(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, -1);
			continue;
		}
		if (n < 0)
			return errno;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static seg_answer log_handle(void *plugin_, void *state, const seg_batch *batch)
{
	log_plugin *plugin = plugin_;
	log_partition *partition = state;
	buffer *lines = &partition->lines;
	buffer_reset(lines);
	for (size_t i = 0; i < batch->count; i++) {
		if (plugin->json)
			add_json_line(plugin, lines, batch, &batch->messages[i]);
		else
			add_text_line(plugin, lines, batch, &batch->messages[i]);
	}
	if (lines->failed)
		return seg_retry(0, "out of memory");
	pthread_mutex_lock(&plugin->output);
	int reason = write_all(lines->bytes, lines->length);
	pthread_mutex_unlock(&plugin->output);
	if (reason == 0) {
		seg_counter_add(plugin->lines, batch->count);
		return seg_done();
	}
	if (reason == EPIPE)
		return seg_stop(0, "the reader of standard output has closed it");
	snprintf(partition->failure, sizeof(partition->failure), "cannot write to standard output: %s",
		 strerror(reason));
	return seg_retry(0, partition->failure);
}

static void log_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	(void)plugin, (void)reason;
	log_partition *partition = state;
	buffer_fini(&partition->lines);
	free(partition);
}

static void log_fini(void *plugin_)
{
	log_plugin *plugin = plugin_;
	pthread_mutex_destroy(&plugin->output);
	free(plugin);
}

static const seg_option options[] = {
	{"format", SEG_OPTION_TEXT, 0, "text", "text: lines for people. json: one JSON object per line."},
	{"max_bytes", SEG_OPTION_INTEGER, 0, "1KiB",
	 "Bytes to show of a key, of a header's value and of the data; 0: all."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "log",
	.version = "1.0.0",
	.help = "Prints each message to standard output.",
	.options = options,
	.init = log_init,
	.check = log_check,
	.partition_open = log_partition_open,
	.handle = log_handle,
	.partition_close = log_partition_close,
	.fini = log_fini,
	.flags = SEG_HANDLER_PARALLEL | SEG_HANDLER_LATE,
};

SEG_HANDLER_EXPORT(handler);
