/*
 * wordcount - counts the messages of each key, each message exactly once, whatever crashes.
 *
 * segrunner delivers each message at least once. A plugin with its own store can turn that into exactly once, as this one
 * does: it stores the id of the newest message and the effect of the messages in one atomic step, and skips messages that
 * come again. See store.h for the files.
 *
 * If a message's data is a number, the number says which occurrence of its key the message is. The numbers of a key must
 * rise: so the plugin also shows that no message overtook another.
 */
#include <inttypes.h>

#include <segmenter/handler.h>

#include "../common/directory.h"
#include "counts.h"
#include "record.h"
#include "store.h"

enum { REASON_SIZE = 512 };

typedef struct wordcount {
	const seg_host *host;
	const char *directory;
	bool check_order;
	bool sync;
	seg_counter *messages;
	seg_counter *repeated;
	seg_counter *out_of_order;
} wordcount;

typedef struct wordcount_partition {
	word_counts counts;
	count_store store;
	buffer record; /* of one batch */
	bool changed;  /* since .counts was written */
	bool warned;   /* that .counts cannot be written */
	char reason[REASON_SIZE];
} wordcount_partition;

static int wordcount_check(const seg_host *host, char *error, size_t error_size)
{
	return directory_check(host->option(host, "directory"), error, error_size);
}

static int wordcount_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	const char *directory = host->option(host, "directory");
	if (directory_make(directory, error, error_size) != 0)
		return -1;
	wordcount *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	plugin->host = host;
	plugin->directory = directory;
	plugin->check_order = host->option_boolean(host, "check_order");
	plugin->sync = host->option_boolean(host, "sync");
	plugin->messages = host->counter(host, "messages_total", "Messages counted.");
	plugin->repeated =
		host->counter(host, "repeated_total", "Messages that came again and were not counted again.");
	plugin->out_of_order = host->counter(host, "out_of_order_total",
					     "Messages whose number did not rise within their key.");
	*out = plugin;
	return 0;
}

static void free_partition(wordcount_partition *partition, bool settled)
{
	store_close(&partition->store, settled);
	counts_fini(&partition->counts);
	buffer_fini(&partition->record);
	free(partition);
}

static int wordcount_partition_open(void *plugin_, uint32_t number, uint64_t epoch, void **state, char *error,
				    size_t error_size)
{
	wordcount *plugin = plugin_;
	wordcount_partition *partition = calloc(1, sizeof(*partition));
	if (!partition) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	partition->store = (count_store){
		.directory = plugin->directory,
		.stream = plugin->host->stream,
		.group = plugin->host->group,
		.partition = number,
		.epoch = epoch,
		.sync = plugin->sync,
	};
	if (store_open(&partition->store, &partition->counts, error, error_size) != 0) {
		free_partition(partition, false);
		return -1;
	}
	*state = partition;
	return 0;
}

/* The data as a positive decimal number; 0 if the data is not one. */
static uint64_t read_number(const seg_message *message)
{
	const char *c = message->data;
	uint64_t number = 0;
	if (message->data_length > 19)
		return 0;
	for (size_t i = 0; i < message->data_length; i++) {
		if (c[i] < '0' || c[i] > '9')
			return 0;
		number = number * 10 + (uint64_t)(c[i] - '0');
	}
	return number;
}

static uint64_t number_of(const wordcount *plugin, const seg_message *message)
{
	return plugin->check_order ? read_number(message) : 0;
}

/* The index of the first message of the batch that is not counted yet. */
static size_t skip_repeated(const wordcount_partition *partition, const seg_batch *batch)
{
	size_t i = 0;
	while (i < batch->count && !id_is_after(batch->messages[i].id, partition->counts.last))
		i++;
	return i;
}

/* Makes the journal's record and room for the words, so that nothing can fail after the record is written. */
static bool prepare(const wordcount *plugin, wordcount_partition *partition, const seg_batch *batch,
		    size_t first)
{
	buffer_reset(&partition->record);
	for (size_t i = first; i < batch->count; i++) {
		const seg_message *message = &batch->messages[i];
		record_add(&partition->record, message->id, message->key, message->key_length,
			   number_of(plugin, message));
		if (!counts_word(&partition->counts, message->key, message->key_length))
			return false;
	}
	record_end(&partition->record);
	return !partition->record.failed;
}

static void count(const wordcount *plugin, wordcount_partition *partition, const seg_batch *batch,
		  size_t first)
{
	const seg_host *host = plugin->host;
	for (size_t i = first; i < batch->count; i++) {
		const seg_message *message = &batch->messages[i];
		if (counts_add(&partition->counts, message->id, message->key, message->key_length,
			       number_of(plugin, message)))
			continue;
		seg_counter_add(plugin->out_of_order, 1);
		host->log(host, SEG_WARNING,
			  "message %" PRIu64 "-%" PRIu64 " of partition %" PRIu32
			  " is out of order within its key",
			  message->id.ms, message->id.seq, batch->partition);
	}
	partition->changed = true;
	seg_counter_add(plugin->messages, batch->count - first);
	seg_counter_add(plugin->repeated, first);
}

static seg_answer wordcount_handle(void *plugin_, void *state, const seg_batch *batch)
{
	wordcount *plugin = plugin_;
	wordcount_partition *partition = state;
	size_t first = skip_repeated(partition, batch);
	if (first == batch->count) {
		seg_counter_add(plugin->repeated, first);
		return seg_done();
	}
	if (!prepare(plugin, partition, batch, first))
		return seg_retry(first, "out of memory");
	if (store_append(&partition->store, &partition->record, partition->reason,
			 sizeof(partition->reason)) != 0)
		return seg_retry(first, partition->reason);
	count(plugin, partition, batch, first);
	return seg_done();
}

/* Writes .counts if it has changed. A failure loses nothing: the journal has the counts. */
static bool settle(const wordcount *plugin, wordcount_partition *partition)
{
	char error[REASON_SIZE];
	if (!partition->changed)
		return true;
	if (store_replace(&partition->store, &partition->counts, error, sizeof(error)) == 0) {
		partition->changed = partition->warned = false;
		return true;
	}
	if (!partition->warned)
		plugin->host->log(plugin->host, SEG_WARNING, "%s", error);
	partition->warned = true;
	return false;
}

static void wordcount_tick(void *plugin, void *state)
{
	settle(plugin, state);
}

static void wordcount_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	bool settled = reason == SEG_CLOSE_RELEASED && settle(plugin, state);
	free_partition(state, settled);
}

static void wordcount_fini(void *plugin)
{
	free(plugin);
}

static const seg_option options[] = {
	{"directory", SEG_OPTION_PATH, 1, NULL,
	 "Directory of the counts, shared by all runners of the group; created if its parent exists."},
	{"check_order", SEG_OPTION_BOOLEAN, 0, "yes",
	 "Check that the numbers in the data rise within each key."},
	{"sync", SEG_OPTION_BOOLEAN, 0, "yes",
	 "Wait for the disk with each batch, so that counts survive a power cut. no: they survive a crash of the process."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "wordcount",
	.version = "1.0.0",
	.help = "Counts the messages of each key, each message exactly once.",
	.options = options,
	.init = wordcount_init,
	.partition_open = wordcount_partition_open,
	.handle = wordcount_handle,
	.tick = wordcount_tick,
	.partition_close = wordcount_partition_close,
	.fini = wordcount_fini,
	.check = wordcount_check,
};

SEG_HANDLER_EXPORT(handler);
