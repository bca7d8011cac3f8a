/*
 * dedup - drops a message if one with the same key, header or field of its JSON came shortly before; passes the others on. See
 * README.md.
 *
 * What came is in the partition's state (seen.h), so the plugin knows it after a crash and on another runner, too.
 */
#include "../common/field.h"
#include "../common/outputs.h"
#include "seen.h"

typedef struct dedup_plugin {
	field by;
	seen_bounds bounds;
	const char *output;
	bool pass_without; /* what lacks the field is passed on; else it becomes a dead letter */
	seg_counter *passed;
	seg_counter *duplicates;
} dedup_plugin;

typedef struct dedup_partition {
	field_reader reader;
	char reason[160];
} dedup_partition;

/* What becomes of one message. */
typedef enum fate { FATE_PASSED, FATE_DUPLICATE, FATE_RETRIED, FATE_DEAD } fate;

static fate handle_one(const dedup_plugin *plugin, dedup_partition *partition, const seg_batch *batch,
		       size_t i, const char **why)
{
	size_t length = 0;
	field_reader_next(&partition->reader, &batch->messages[i]);
	const char *text = field_text(&partition->reader, &plugin->by, &length);
	if (!text && !plugin->pass_without) {
		*why = "the message lacks what option.by names";
		return FATE_DEAD;
	}
	if (length > SEEN_TEXT_MAX) {
		snprintf(partition->reason, sizeof(partition->reason),
			 "what option.by names has %zu bytes; dedup compares at most %d", length,
			 SEEN_TEXT_MAX);
		*why = partition->reason;
		return FATE_DEAD;
	}
	if (text && seen_before(batch, i, &plugin->bounds, text, length, batch->messages[i].id.ms, why))
		return FATE_DUPLICATE;
	/* The state is full: later, or with a higher state_limit, the message can pass. */
	if (*why)
		return FATE_RETRIED;
	*why = outputs_forward(batch, i, plugin->output);
	return *why ? FATE_DEAD : FATE_PASSED;
}

static seg_answer dedup_handle(void *plugin_, void *state, const seg_batch *batch)
{
	dedup_plugin *plugin = plugin_;
	dedup_partition *partition = state;
	const char *why = NULL;
	size_t i = 0, duplicates = 0;
	fate last = FATE_PASSED;
	for (; i < batch->count; i++) {
		last = handle_one(plugin, partition, batch, i, &why);
		if (last >= FATE_RETRIED)
			break;
		duplicates += last == FATE_DUPLICATE;
	}
	field_reader_next(&partition->reader, NULL);
	seg_counter_add(plugin->passed, i - duplicates);
	seg_counter_add(plugin->duplicates, duplicates);
	if (i == batch->count)
		return seg_done();
	return last == FATE_RETRIED ? seg_retry(i, why) : seg_dead_letter(i, why);
}

static int dedup_partition_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error,
				size_t error_size)
{
	(void)plugin;
	(void)number;
	(void)epoch;
	*state = calloc(1, sizeof(dedup_partition));
	if (*state)
		return 0;
	snprintf(error, error_size, "out of memory");
	return -1;
}

static void dedup_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	dedup_partition *partition = state;
	(void)plugin;
	(void)reason;
	field_reader_fini(&partition->reader);
	free(partition);
}

static int read_options(dedup_plugin *plugin, const seg_host *host, char *error, size_t error_size)
{
	const char *missing = host->option(host, "missing");
	int64_t count = host->option_integer(host, "count");
	int64_t window = host->option_duration(host, "window");
	plugin->bounds = (seen_bounds){.window = (uint64_t)window / 1000000, .count = (uint64_t)count};
	plugin->pass_without = strcmp(missing, "pass") == 0;
	const char *wrong = NULL;
	if (count < 1 || count > 100000000)
		wrong = "option.count must be from 1 to 100000000: so many messages the plugin remembers";
	else if (window != 0 && window < 1000000)
		wrong = "option.window must be at least 1ms; 0: only option.count bounds what is remembered";
	else if (!plugin->pass_without && strcmp(missing, "dead_letter") != 0)
		wrong = "option.missing must be pass or dead_letter";
	if (wrong) {
		snprintf(error, error_size, "%s", wrong);
		return -1;
	}
	if (outputs_check_host(host, error, error_size) != 0 ||
	    field_option(&plugin->by, host, "by", error, error_size) != 0)
		return -1;
	return outputs_option(&plugin->output, host, "output", error, error_size);
}

static int dedup_check(const seg_host *host, char *error, size_t error_size)
{
	dedup_plugin trial;
	return read_options(&trial, host, error, error_size);
}

static int dedup_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	dedup_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	if (read_options(plugin, host, error, error_size) != 0) {
		free(plugin);
		return -1;
	}
	plugin->passed = host->counter(host, "passed_total", "Messages passed to the output.");
	plugin->duplicates = host->counter(host, "duplicates_total", "Messages dropped as duplicates.");
	*out = plugin;
	return 0;
}

static void dedup_fini(void *plugin)
{
	free(plugin);
}

static const seg_option options[] = {
	{"by", SEG_OPTION_TEXT, 0, "key",
	 "Messages with the same value of this are duplicates: key, data, header.NAME or json.PATH."},
	{"window", SEG_OPTION_DURATION, 0, "1h",
	 "A message is dropped if one like it passed less than this before, by the times of their ids; 0: only option.count bounds."},
	{"count", SEG_OPTION_INTEGER, 0, "100000",
	 "How many of the last messages that passed are remembered, for each partition."},
	{"output", SEG_OPTION_TEXT, 0, NULL, "The output; default: the first of the section's outputs."},
	{"missing", SEG_OPTION_TEXT, 0, "pass",
	 "What becomes of a message that lacks what option.by names: pass or dead_letter."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "dedup",
	.version = "1.0.0",
	.help = "Drops messages with the same key, header or field as one shortly before; passes the others on.",
	.options = options,
	.init = dedup_init,
	.check = dedup_check,
	.partition_open = dedup_partition_open,
	.handle = dedup_handle,
	.partition_close = dedup_partition_close,
	.fini = dedup_fini,
	.flags = SEG_HANDLER_PARALLEL | SEG_HANDLER_LATE,
};

SEG_HANDLER_EXPORT(handler);
