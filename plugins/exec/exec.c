/*
 * exec - hands each message to a program in any language, and takes its answer.
 *
 * One child a partition, started with the partition and ended with it. It reads messages from its standard
 * input and writes one answer for each, in the same order, to its standard output; what it writes to its
 * standard error is logged. examples/exec-python and examples/exec-shell show how little that takes.
 *
 *     [consumer orders]
 *     plugin = exec
 *     option.command = python3 /opt/shop/handler.py
 *
 * A message is a line of JSON (see ../common/message_json.h for every field):
 *
 *     {"stream":"orders","partition":3,"epoch":7,"id":"1763907650000-4","attempt":1,"key":"al","data":"hi"}
 *
 * and its answer is one of
 *
 *     {"ok":true}                 it has taken effect
 *     {"retry":"why"}             hand it to me again after a pause (retry_backoff, max_attempts)
 *     {"dead_letter":"why"}       put it aside
 *
 * Options
 *
 *     command       required   run by /bin/sh -c, with SEGMENTER_STREAM, _GROUP, _CONSUMER, _PARTITION and
 *                              _EPOCH in its environment
 *     directory     segrunner's own    the working directory of the command
 *     framing       lines      lines: messages and answers are lines of JSON. frames: a message is two
 *                              frames, JSON and its data as it is; an answer is one. A frame is a length
 *                              of 4 bytes, big-endian, and so many bytes
 *     window        64         how many messages the child gets before it has answered. With 1, a message is
 *                              handed over only once the one before it succeeded
 *     timeout       30s        how long the child may take for an answer before it is killed
 *     stop_timeout  5s         how long it may take to end once its input has; then SIGTERM, then, after as
 *                              long again, SIGKILL to its process group
 *
 * Delivery: at least once, in order. When a message is to be retried, those behind it that the child had
 * already (window) come again after it. A child that ends, hangs or answers what is no answer is ended and
 * started anew, and the first message without an answer is retried with the pauses of retry_backoff. A
 * command that cannot be run at all stops segrunner instead, so that no message is given up for it.
 */
#include <inttypes.h>

#include "conversation.h"

typedef struct exec_plugin {
	const seg_host *host;
	const char *command;
	const char *directory; /* or NULL */
	bool frames;
	size_t window;
	int64_t timeout;      /* ns */
	int64_t stop_timeout; /* ns */
	seg_counter *messages;
	seg_counter *starts;
	seg_counter *failures;
	uint32_t has_answered; /* a child of any partition, ever: the command can be run */
} exec_plugin;

typedef struct exec_partition {
	child child;
	conversation talk;
	exec_answer *answers; /* known ones; those behind a dead letter are kept for the rest of its batch */
	size_t count, capacity;
	char reason[512];
} exec_partition;

/* --- answers ----------------------------------------------------------------------------------- */

static void forget(exec_partition *partition, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(partition->answers[i].reason);
	partition->count -= count;
	if (partition->count > 0)
		memmove(partition->answers, partition->answers + count,
			partition->count * sizeof(*partition->answers));
}

/* Keeps what is known of messages that this batch begins with. */
static void recall(exec_partition *partition, const seg_batch *batch)
{
	size_t known = 0;
	while (known < partition->count && known < batch->count &&
	       partition->answers[known].id.ms == batch->messages[known].id.ms &&
	       partition->answers[known].id.seq == batch->messages[known].id.seq)
		known++;
	if (known < partition->count)
		forget(partition, partition->count);
}

static bool make_room(exec_partition *partition, size_t count)
{
	if (count <= partition->capacity)
		return true;
	exec_answer *answers = realloc(partition->answers, count * sizeof(*answers));
	if (!answers)
		return false;
	partition->answers = answers;
	partition->capacity = count;
	return true;
}

/* The first that is not done; count if all are. */
static size_t first_refused(const exec_partition *partition)
{
	size_t i = 0;
	while (i < partition->count && partition->answers[i].outcome == SEG_OUTCOME_DONE)
		i++;
	return i;
}

/* What segrunner is told: of the first that is not done. */
static seg_answer conclude(exec_plugin *plugin, exec_partition *partition, size_t index)
{
	exec_answer answer = partition->answers[index];
	snprintf(partition->reason, sizeof(partition->reason), "%s", answer.reason);
	seg_counter_add(plugin->messages, index);
	if (answer.outcome == SEG_OUTCOME_RETRY) {
		forget(partition, partition->count);
		return seg_retry(index, partition->reason);
	}
	forget(partition, index + 1);
	return seg_dead_letter(index, partition->reason);
}

/* --- the child ------------------------------------------------------------------------------------ */

static int start(exec_plugin *plugin, exec_partition *partition, char *error, size_t error_size)
{
	conversation_reset(&partition->talk);
	if (child_start(&partition->child, plugin->command, plugin->directory, error, error_size) != 0)
		return -1;
	seg_counter_add(plugin->starts, 1);
	return 0;
}

/* Sees that there is a child, and that it waits for messages. */
static int prepare(exec_plugin *plugin, exec_partition *partition, char *error, size_t error_size)
{
	child *c = &partition->child;
	child_listen(c);
	if (child_runs(c) && (child_has_ended(c) || conversation_is_disturbed(c))) {
		char fate[128];
		bool ended = child_has_ended(c);
		child_end(c, 0, fate, sizeof(fate));
		plugin->host->log(plugin->host, SEG_WARNING,
				  "the child of partition %" PRIu32 " %s; starting another", c->partition,
				  ended ? fate : "wrote to its standard output without being asked");
	}
	return child_runs(c) ? 0 : start(plugin, partition, error, error_size);
}

/* The child has failed: it is ended, and the first message without an answer is retried. */
static seg_answer give_up(exec_plugin *plugin, exec_partition *partition, size_t index, const char *why)
{
	child *c = &partition->child;
	char fate[128];
	bool ended = child_has_ended(c);
	child_end(c, 0, fate, sizeof(fate));
	bool cannot_run = ended && (strstr(fate, "code 127") || strstr(fate, "code 126")) &&
			  !__atomic_load_n(&plugin->has_answered, __ATOMIC_RELAXED);
	if (ended)
		snprintf(partition->reason, sizeof(partition->reason), "the child %s", fate);
	else
		snprintf(partition->reason, sizeof(partition->reason), "%s", why);
	forget(partition, partition->count);
	seg_counter_add(plugin->failures, 1);
	return cannot_run ? seg_stop(index, partition->reason) : seg_retry(index, partition->reason);
}

/* --- callbacks -------------------------------------------------------------------------------------- */

static seg_answer exec_handle(void *plugin_, void *state, const seg_batch *batch)
{
	exec_plugin *plugin = plugin_;
	exec_partition *partition = state;
	char error[512] = "";
	recall(partition, batch);
	if (first_refused(partition) < partition->count)
		return conclude(plugin, partition, first_refused(partition));
	size_t before = partition->count;
	if (!make_room(partition, batch->count))
		return seg_retry(0, "out of memory");
	if (prepare(plugin, partition, partition->reason, sizeof(partition->reason)) != 0)
		return seg_retry(before, partition->reason);
	int result = conversation_hold(&partition->talk, &partition->child, batch, partition->answers,
				       &partition->count, error, sizeof(error));
	if (partition->count > before)
		__atomic_store_n(&plugin->has_answered, 1, __ATOMIC_RELAXED);
	size_t refused = first_refused(partition);
	/* A child that fails behind a message it refused is replaced before the next batch. */
	if (result != 0 && refused == partition->count)
		return give_up(plugin, partition, refused, error);
	if (result != 0)
		child_end(&partition->child, 0, NULL, 0);
	if (refused < partition->count)
		return conclude(plugin, partition, refused);
	forget(partition, partition->count);
	seg_counter_add(plugin->messages, batch->count);
	return seg_done();
}

static void exec_tick(void *plugin, void *state)
{
	(void)plugin;
	child_listen(&((exec_partition *)state)->child);
}

static void exec_partition_close(void *plugin_, void *state, seg_close_reason reason)
{
	exec_plugin *plugin = plugin_;
	exec_partition *partition = state;
	(void)reason;
	child_end(&partition->child, plugin->stop_timeout, NULL, 0);
	child_fini(&partition->child);
	conversation_fini(&partition->talk);
	forget(partition, partition->count);
	free(partition->answers);
	free(partition);
}

static int exec_partition_open(void *plugin_, uint32_t number, uint64_t epoch, void **state, char *error,
			       size_t error_size)
{
	exec_plugin *plugin = plugin_;
	exec_partition *partition = calloc(1, sizeof(*partition));
	if (!partition) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	child_init(&partition->child, plugin->host, number, epoch);
	partition->talk = (conversation){.frames = plugin->frames,
					 .window = plugin->window,
					 .timeout = plugin->timeout};
	if (start(plugin, partition, error, error_size) != 0) {
		exec_partition_close(plugin, partition, SEG_CLOSE_RELEASED);
		return -1;
	}
	*state = partition;
	return 0;
}

static int check_options(const seg_host *host, char *error, size_t error_size)
{
	const char *framing = host->option(host, "framing");
	const char *wrong = NULL;
	if (strcmp(framing, "lines") != 0 && strcmp(framing, "frames") != 0)
		wrong = "option.framing is neither lines nor frames; write one of them";
	else if (host->option_integer(host, "window") < 1)
		wrong = "option.window is below 1; write 1 to hand over one message at a time";
	else if (host->option_duration(host, "timeout") < 1000000)
		wrong = "option.timeout is below 1ms; write how long an answer may take, such as 30s";
	else if (host->option_duration(host, "stop_timeout") < 0)
		wrong = "option.stop_timeout is negative; write 0 to kill at once";
	if (wrong)
		snprintf(error, error_size, "%s", wrong);
	return wrong ? -1 : 0;
}

static int exec_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	if (check_options(host, error, error_size) != 0)
		return -1;
	exec_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	plugin->host = host;
	plugin->command = host->option(host, "command");
	plugin->directory = host->option(host, "directory");
	plugin->frames = strcmp(host->option(host, "framing"), "frames") == 0;
	plugin->window = (size_t)host->option_integer(host, "window");
	plugin->timeout = host->option_duration(host, "timeout");
	plugin->stop_timeout = host->option_duration(host, "stop_timeout");
	plugin->messages = host->counter(host, "messages_total", "Messages that a child answered with ok.");
	plugin->starts = host->counter(host, "child_starts_total", "Children started.");
	plugin->failures = host->counter(host, "child_failures_total",
					 "Children that ended, hung or answered nonsense.");
	*out = plugin;
	return 0;
}

static void exec_fini(void *plugin)
{
	free(plugin);
}

static const seg_option options[] = {
	{"command", SEG_OPTION_TEXT, 1, NULL, "What /bin/sh -c runs, once for each partition."},
	{"directory", SEG_OPTION_PATH, 0, NULL,
	 "The working directory of the command; segrunner's own unless given."},
	{"framing", SEG_OPTION_TEXT, 0, "lines",
	 "lines: messages and answers are lines of JSON. frames: length-prefixed, data as it is."},
	{"window", SEG_OPTION_INTEGER, 0, "64", "How many messages the child gets before it has answered."},
	{"timeout", SEG_OPTION_DURATION, 0, "30s",
	 "How long the child may take for an answer before it is killed."},
	{"stop_timeout", SEG_OPTION_DURATION, 0, "5s",
	 "How long the child may take to end once its input has; then SIGTERM, and SIGKILL after as long again."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "exec",
	.version = "1.0.0",
	.help = "Hands each message to a program in any language, one child a partition.",
	.options = options,
	.init = exec_init,
	.partition_open = exec_partition_open,
	.handle = exec_handle,
	.tick = exec_tick,
	.partition_close = exec_partition_close,
	.fini = exec_fini,
};

SEG_HANDLER_EXPORT(handler);
