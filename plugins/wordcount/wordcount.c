/*
 * wordcount - counts the messages of each key, each message exactly once, whatever crashes.
 *
 * The counts are values of the partition: segrunner stores them in the step that stores the position. So a message that comes
 * again finds the counts without it. The value of a word is "COUNT NUMBER OUT_OF_ORDER".
 *
 * If a message's data is a number, the number says which occurrence of its key the message is. The numbers of a key must
 * rise: so the plugin also shows that no message overtook another.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <segmenter/handler.h>

enum { VALUE_MAX = 80 };

typedef struct wordcount {
	const seg_host *host;
	bool check_order;
	seg_counter *messages;
	seg_counter *out_of_order;
} wordcount;

typedef struct word {
	uint64_t count;
	uint64_t number; /* the highest that came; 0: none */
	uint64_t out_of_order;
} word;

/* False if the value is none that write_word wrote. */
static bool read_word(word *w, const void *value, size_t length)
{
	char text[VALUE_MAX];
	*w = (word){0};
	if (!value)
		return true;
	if (length >= sizeof(text))
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	return sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &w->count, &w->number, &w->out_of_order) == 3;
}

static size_t write_word(const word *w, char text[VALUE_MAX])
{
	return (size_t)snprintf(text, VALUE_MAX, "%" PRIu64 " %" PRIu64 " %" PRIu64, w->count, w->number,
				w->out_of_order);
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

static void count(const wordcount *plugin, word *w, const seg_message *message, uint32_t partition)
{
	const seg_host *host = plugin->host;
	uint64_t number = plugin->check_order ? read_number(message) : 0;
	w->count++;
	if (number == 0)
		return;
	if (number > w->number) {
		w->number = number;
		return;
	}
	w->out_of_order++;
	seg_counter_add(plugin->out_of_order, 1);
	host->log(host, SEG_WARNING,
		  "message %" PRIu64 "-%" PRIu64 " of partition %" PRIu32 " is out of order within its key",
		  message->id.ms, message->id.seq, partition);
}

static seg_answer wordcount_handle(void *plugin_, void *state, const seg_batch *batch)
{
	wordcount *plugin = plugin_;
	seg_answer answer = seg_done();
	size_t i = 0;
	(void)state;
	for (; i < batch->count; i++) {
		const seg_message *m = &batch->messages[i];
		char text[VALUE_MAX];
		size_t length = 0;
		word w;
		if (m->key_length == 0 || m->key_length > SEG_STATE_NAME_MAX) {
			answer = seg_dead_letter(i, "the key is no word: it must have 1 to 512 bytes");
			break;
		}
		const void *value = seg_state_get(batch, i, m->key, m->key_length, &length);
		if (!read_word(&w, value, length)) {
			answer = seg_retry(i, "the word's value is not one that wordcount wrote");
			break;
		}
		count(plugin, &w, m, batch->partition);
		const char *why = seg_state_put(batch, i, m->key, m->key_length, text, write_word(&w, text));
		if (why) {
			answer = seg_retry(i, why);
			break;
		}
	}
	seg_counter_add(plugin->messages, i);
	return answer;
}

static int wordcount_check(const seg_host *host, char *error, size_t error_size)
{
	if (SEG_HOST_HAS(host, parallel))
		return 0;
	snprintf(error, error_size, "this segrunner keeps no state for plugins: it is older than wordcount");
	return -1;
}

static int wordcount_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	if (wordcount_check(host, error, error_size) != 0)
		return -1;
	wordcount *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	plugin->host = host;
	plugin->check_order = host->option_boolean(host, "check_order");
	plugin->messages = host->counter(host, "messages_total", "Messages counted.");
	plugin->out_of_order = host->counter(host, "out_of_order_total",
					     "Messages whose number did not rise within their key.");
	*out = plugin;
	return 0;
}

static void wordcount_fini(void *plugin)
{
	free(plugin);
}

static const seg_option options[] = {
	{"check_order", SEG_OPTION_BOOLEAN, 0, "yes",
	 "Check that the numbers in the data rise within each key."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "wordcount",
	.version = "2.0.0",
	.help = "Counts the messages of each key, each message exactly once.",
	.options = options,
	.init = wordcount_init,
	.handle = wordcount_handle,
	.fini = wordcount_fini,
	.check = wordcount_check,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);
