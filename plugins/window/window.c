/*
 * window - counts, sums, and finds the least and the greatest, by key, over windows of the messages' own time. See README.md.
 *
 * The open windows are in the partition's state (windows.h), and what the plugin emits belongs to the message that closed the
 * window: so each message counts exactly once, and each result is added exactly once.
 */
#include "../common/field.h"
#include "../common/outputs.h"
#include "windows.h"

enum { KEY_SHOWN = 100 };

typedef struct window_plugin {
	field key;
	field value;
	bool has_value;
	field time;
	bool has_time;       /* else a message's time is its id's */
	uint64_t unit;       /* of the field's time, in ms: 1 or 1000 */
	uint64_t max_ahead;  /* ms; 0: no limit */
	const char *late_to; /* output for late messages; or NULL */
	window_rules rules;
	seg_counter *counted;
	seg_counter *results;
	seg_counter *late;
} window_plugin;

typedef struct window_partition {
	field_reader reader;
	buffer json;
	char key[WINDOW_KEY_MAX];
	char reason[300];
} window_partition;

/* --- what the windows need of a message -------------------------------------------------------- */

/* NULL, or why the message's time is none. */
static const char *read_time(const window_plugin *plugin, window_partition *partition,
			     const seg_message *message, uint64_t *time)
{
	amount a;
	size_t length;
	*time = message->id.ms;
	if (!plugin->has_time)
		return NULL;
	const char *text = field_text(&partition->reader, &plugin->time, &length);
	if (!text || !amount_read(&a, text, length))
		return "what option.time names is missing, or is not a number";
	double ms = (a.is_integer ? (double)a.integer : a.real) * (double)plugin->unit;
	if (ms < 0 || ms > 9e15)
		return "the time is not one of option.time_unit since 1970";
	*time = a.is_integer ? (uint64_t)a.integer * plugin->unit : (uint64_t)ms;
	if (plugin->max_ahead && *time > message->id.ms && *time - message->id.ms > plugin->max_ahead)
		return "the message's time is further ahead of its arrival than option.max_ahead allows";
	return NULL;
}

static const char *read_key(const window_plugin *plugin, window_partition *partition, occurrence *o)
{
	const char *text = field_text(&partition->reader, &plugin->key, &o->key_length);
	if (!text)
		return "the message lacks what option.key names";
	if (o->key_length > WINDOW_KEY_MAX)
		return "what option.key names is too long to be a key";
	/* The reader's text is gone with its next. */
	memcpy(partition->key, text, o->key_length);
	o->key = partition->key;
	return NULL;
}

static const char *read_value(const window_plugin *plugin, window_partition *partition, amount *value)
{
	size_t length;
	const char *text = field_text(&partition->reader, &plugin->value, &length);
	if (text && amount_read(value, text, length))
		return NULL;
	return "what option.value names is missing, or is not a number";
}

/* --- callbacks ------------------------------------------------------------------------------------ */

/* NULL, or the answer to a message that is not counted. */
static const char *handle_one(window_plugin *plugin, window_partition *partition, const seg_batch *batch,
			      size_t i, seg_outcome *outcome)
{
	amount value;
	occurrence o = {.value = plugin->has_value ? &value : NULL};
	uint64_t results = 0;
	const char *why;
	field_reader_next(&partition->reader, &batch->messages[i]);
	*outcome = SEG_OUTCOME_DEAD_LETTER;
	why = read_time(plugin, partition, &batch->messages[i], &o.time);
	if (!why)
		why = read_key(plugin, partition, &o);
	if (!why && plugin->has_value)
		why = read_value(plugin, partition, &value);
	if (why)
		return why;
	switch (windows_count(&plugin->rules, batch, i, &o, &partition->json, &results, &why)) {
	case WINDOWS_COUNTED:
		seg_counter_add(plugin->counted, 1);
		seg_counter_add(plugin->results, results);
		return NULL;
	case WINDOWS_LATE:
		seg_counter_add(plugin->late, 1);
		return plugin->late_to ? outputs_forward(batch, i, plugin->late_to) : NULL;
	case WINDOWS_FAILED:
		break;
	}
	*outcome = SEG_OUTCOME_RETRY;
	return why;
}

static seg_answer window_handle(void *plugin, void *state, const seg_batch *batch)
{
	window_partition *partition = state;
	seg_outcome outcome = SEG_OUTCOME_DONE;
	const char *why = NULL;
	size_t i = 0;
	while (i < batch->count && !(why = handle_one(plugin, partition, batch, i, &outcome)))
		i++;
	field_reader_next(&partition->reader, NULL);
	if (!why)
		return seg_done();
	snprintf(partition->reason, sizeof(partition->reason), "%s", why);
	return (seg_answer){outcome, (uint32_t)i, partition->reason};
}

static int window_partition_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error,
				 size_t error_size)
{
	(void)plugin;
	(void)number;
	(void)epoch;
	*state = calloc(1, sizeof(window_partition));
	if (*state)
		return 0;
	snprintf(error, error_size, "out of memory");
	return -1;
}

static void window_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	window_partition *partition = state;
	(void)plugin;
	(void)reason;
	field_reader_fini(&partition->reader);
	buffer_fini(&partition->json);
	free(partition);
}

/* --- options -------------------------------------------------------------------------------------- */

static uint64_t milliseconds(const seg_host *host, const char *name)
{
	return (uint64_t)host->option_duration(host, name) / 1000000;
}

static const char *read_times(window_plugin *plugin, const seg_host *host)
{
	const char *unit = host->option(host, "time_unit");
	plugin->rules.size = milliseconds(host, "size");
	plugin->rules.grace = milliseconds(host, "grace");
	plugin->max_ahead = milliseconds(host, "max_ahead");
	plugin->has_time = strcmp(host->option(host, "time"), "id") != 0;
	plugin->unit = strcmp(unit, "s") == 0 ? 1000 : 1;
	if (plugin->unit == 1 && strcmp(unit, "ms") != 0)
		return "option.time_unit must be ms or s";
	if (plugin->rules.size == 0)
		return "option.size must be at least 1ms; write how long a window is, such as 1min";
	return NULL;
}

static int read_outputs(window_plugin *plugin, const seg_host *host, char *error, size_t error_size)
{
	plugin->late_to = host->option(host, "late_output");
	if (outputs_option(&plugin->rules.output, host, "output", error, error_size) != 0)
		return -1;
	if (plugin->late_to && strcmp(plugin->late_to, plugin->rules.output) == 0) {
		snprintf(
			error, error_size,
			"option.late_output and option.output name the same stream, \"%s\": late messages would be among "
			"the results; name another one",
			plugin->late_to);
		return -1;
	}
	return plugin->late_to ? outputs_check(host, "late_output", plugin->late_to, error, error_size) : 0;
}

static int read_options(window_plugin *plugin, const seg_host *host, char *error, size_t error_size)
{
	const char *wrong = read_times(plugin, host);
	if (wrong) {
		snprintf(error, error_size, "%s", wrong);
		return -1;
	}
	plugin->has_value = host->option(host, "value") != NULL;
	if (outputs_check_host(host, error, error_size) != 0 ||
	    field_option(&plugin->key, host, "key", error, error_size) != 0 ||
	    (plugin->has_value && field_option(&plugin->value, host, "value", error, error_size) != 0) ||
	    (plugin->has_time && field_option(&plugin->time, host, "time", error, error_size) != 0))
		return -1;
	return read_outputs(plugin, host, error, error_size);
}

static int window_check(const seg_host *host, char *error, size_t error_size)
{
	window_plugin trial = {0};
	return read_options(&trial, host, error, error_size);
}

static int window_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	window_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	if (read_options(plugin, host, error, error_size) != 0) {
		free(plugin);
		return -1;
	}
	plugin->counted = host->counter(host, "counted_total", "Messages counted in a window.");
	plugin->results = host->counter(host, "results_total", "Results of closed windows.");
	plugin->late = host->counter(host, "late_total", "Messages whose window had closed.");
	*out = plugin;
	return 0;
}

static void window_fini(void *plugin)
{
	free(plugin);
}

static const seg_option options[] = {
	{"size", SEG_OPTION_DURATION, 1, NULL, "How long a window is: 1min, 1h."},
	{"grace", SEG_OPTION_DURATION, 0, "10s",
	 "How long a window stays open after its end, for messages out of order."},
	{"key", SEG_OPTION_TEXT, 0, "key",
	 "What the windows are kept by: key, data, header.NAME or json.PATH."},
	{"value", SEG_OPTION_TEXT, 0, NULL,
	 "The number to sum: data, header.NAME or json.PATH; without it, the messages are only counted."},
	{"time", SEG_OPTION_TEXT, 0, "id",
	 "A message's time: id (when it was added), data, header.NAME or json.PATH."},
	{"time_unit", SEG_OPTION_TEXT, 0, "ms", "What the time counts since 1970: ms or s."},
	{"max_ahead", SEG_OPTION_DURATION, 0, "1h",
	 "A message whose time is further ahead of its id becomes a dead letter, as it would make the others late; 0: no limit."},
	{"output", SEG_OPTION_TEXT, 0, NULL,
	 "The output for results; default: the first of the section's outputs."},
	{"late_output", SEG_OPTION_TEXT, 0, NULL,
	 "The output for messages whose window has closed; without it, they are only counted (late_total)."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "window",
	.version = "1.0.0",
	.help = "Counts and sums messages by key over windows of their own time, and emits the results.",
	.options = options,
	.init = window_init,
	.check = window_check,
	.partition_open = window_partition_open,
	.handle = window_handle,
	.partition_close = window_partition_close,
	.fini = window_fini,
	.flags = SEG_HANDLER_LATE,
};

SEG_HANDLER_EXPORT(handler);
