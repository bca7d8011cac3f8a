/*
 * route - passes each message to one of several streams, by its key, a header or a field of its JSON. See README.md.
 *
 * The plugin keeps nothing: what it does with a message depends on the message alone. So it can handle messages of a partition
 * at once (`parallel`).
 */
#include "../common/field.h"
#include "../common/outputs.h"
#include "rules.h"

typedef struct route_plugin {
	field by;
	field key; /* of what is passed on */
	rule_list rules;
	const char *otherwise; /* the output for what fits no rule; or NULL */
	bool drop;             /* what fits no rule, if `otherwise` is NULL; else it becomes a dead letter */
	seg_counter *routed;
	seg_counter *dropped;
} route_plugin;

typedef struct route_partition {
	field_reader reader;
	char reason[512];
} route_partition;

static const char *output_for(const route_plugin *plugin, route_partition *partition)
{
	size_t length;
	const char *text = field_text(&partition->reader, &plugin->by, &length);
	const char *output = text ? rules_find(&plugin->rules, text, length) : NULL;
	return output ? output : plugin->otherwise;
}

static seg_answer refuse(const route_plugin *plugin, route_partition *partition, size_t index)
{
	size_t length;
	const char *text = field_text(&partition->reader, &plugin->by, &length);
	if (text)
		snprintf(partition->reason, sizeof(partition->reason),
			 "no rule of option.rules fits \"%.*s\"", length < 100 ? (int)length : 100, text);
	else
		snprintf(partition->reason, sizeof(partition->reason),
			 "the message lacks what option.by names, so that no rule fits");
	return seg_dead_letter(index, partition->reason);
}

/* NULL, or why the message cannot be passed on. */
static const char *pass(const route_plugin *plugin, route_partition *partition, const seg_batch *batch,
			size_t index, const char *output)
{
	const seg_message *m = &batch->messages[index];
	seg_output copy = {.stream = output,
			   .data = m->data,
			   .data_length = m->data_length,
			   .headers = m->headers,
			   .header_count = m->header_count};
	copy.key = field_text(&partition->reader, &plugin->key, &copy.key_length);
	return copy.key ? seg_emit(batch, index, &copy) : "the message lacks what option.key names";
}

static seg_answer route_handle(void *plugin_, void *state, const seg_batch *batch)
{
	route_plugin *plugin = plugin_;
	route_partition *partition = state;
	seg_answer answer = seg_done();
	size_t i = 0, dropped = 0;
	for (; i < batch->count && answer.outcome == SEG_OUTCOME_DONE; i++) {
		field_reader_next(&partition->reader, &batch->messages[i]);
		const char *output = output_for(plugin, partition);
		const char *why = output ? pass(plugin, partition, batch, i, output) : NULL;
		if (why)
			answer = seg_dead_letter(i, why);
		else if (!output && !plugin->drop)
			answer = refuse(plugin, partition, i);
		else
			dropped += !output;
	}
	field_reader_next(&partition->reader, NULL);
	size_t done = answer.outcome == SEG_OUTCOME_DONE ? batch->count : answer.index;
	seg_counter_add(plugin->routed, done - dropped);
	seg_counter_add(plugin->dropped, dropped);
	return answer;
}

static int route_partition_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error,
				size_t error_size)
{
	(void)plugin;
	(void)number;
	(void)epoch;
	*state = calloc(1, sizeof(route_partition));
	if (*state)
		return 0;
	snprintf(error, error_size, "out of memory");
	return -1;
}

static void route_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	route_partition *partition = state;
	(void)plugin;
	(void)reason;
	field_reader_fini(&partition->reader);
	free(partition);
}

static int read_no_match(route_plugin *plugin, const seg_host *host, char *error, size_t error_size)
{
	const char *no_match = host->option(host, "no_match");
	plugin->drop = strcmp(no_match, "drop") == 0;
	if (plugin->drop || strcmp(no_match, "dead_letter") == 0)
		return 0;
	snprintf(
		error, error_size,
		"option.no_match must be drop or dead_letter; option.default names an output for what fits no "
		"rule");
	return -1;
}

static int read_options(route_plugin *plugin, const seg_host *host, char *error, size_t error_size)
{
	plugin->otherwise = host->option(host, "default");
	if (outputs_check_host(host, error, error_size) != 0 ||
	    field_option(&plugin->by, host, "by", error, error_size) != 0 ||
	    field_option(&plugin->key, host, "key", error, error_size) != 0 ||
	    rules_parse(&plugin->rules, host->option(host, "rules"), error, error_size) != 0 ||
	    read_no_match(plugin, host, error, error_size) != 0)
		return -1;
	for (size_t i = 0; i < plugin->rules.count; i++)
		if (outputs_check(host, "rules", plugin->rules.list[i].output, error, error_size) != 0)
			return -1;
	if (plugin->otherwise)
		return outputs_check(host, "default", plugin->otherwise, error, error_size);
	return 0;
}

static int route_check(const seg_host *host, char *error, size_t error_size)
{
	route_plugin trial = {0};
	int result = read_options(&trial, host, error, error_size);
	rules_fini(&trial.rules);
	return result;
}

static void route_fini(void *plugin_)
{
	route_plugin *plugin = plugin_;
	rules_fini(&plugin->rules);
	free(plugin);
}

static int route_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	route_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	if (read_options(plugin, host, error, error_size) != 0) {
		route_fini(plugin);
		return -1;
	}
	plugin->routed = host->counter(host, "routed_total", "Messages passed to an output.");
	plugin->dropped =
		host->counter(host, "dropped_total", "Messages that fit no rule, and were dropped.");
	*out = plugin;
	return 0;
}

static const seg_option options[] = {
	{"by", SEG_OPTION_TEXT, 1, NULL,
	 "What the rules look at: key, data, header.NAME, or json.PATH for a field of the data."},
	{"rules", SEG_OPTION_TEXT, 1, NULL,
	 "VALUE = OUTPUT, VALUE = OUTPUT, ...: the first rule that fits holds; a * at the end of VALUE stands for anything."},
	{"default", SEG_OPTION_TEXT, 0, NULL, "The output for messages that fit no rule."},
	{"no_match", SEG_OPTION_TEXT, 0, "dead_letter",
	 "What becomes of a message that fits no rule, without option.default: dead_letter or drop."},
	{"key", SEG_OPTION_TEXT, 0, "key",
	 "The key of what is passed on: key, data, header.NAME or json.PATH."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "route",
	.version = "1.0.0",
	.help = "Passes each message to one of several streams, by its key, a header or a field of its JSON.",
	.options = options,
	.init = route_init,
	.check = route_check,
	.partition_open = route_partition_open,
	.handle = route_handle,
	.partition_close = route_partition_close,
	.fini = route_fini,
	.flags = SEG_HANDLER_PARALLEL | SEG_HANDLER_LATE,
};

SEG_HANDLER_EXPORT(handler);
