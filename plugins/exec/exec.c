/*
 * exec - hands each message to a program in any language, and reads the program's answer.
 *
 * Each partition has one child, which starts and ends with the partition. The child reads messages from its standard input
 * and writes one answer for each message, in the same order, to its standard output. Its standard error goes to segrunner's
 * log. examples/exec-python and examples/exec-shell are complete handlers.
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
 *     {"ok":true}                 the message has taken effect
 *     {"retry":"why"}             send it again after a pause (retry_backoff, max_attempts)
 *     {"dead_letter":"why"}       move it to the dead letters
 *
 * It may also have the message's "id", which is then checked. An answer with any other field is invalid: a slip such as
 * "emits" would lose records without a word.
 *
 * An answer with "ok" can add records to streams of the section's `outputs`, and change the partition's values:
 *
 *     {"ok":true,"emit":[{"stream":"enriched","key":"al","data":"hi","headers":[{"name":"trace","value":"7f3a"}]}],
 *      "state":{"al":"gold","bob":null}}
 *
 * Both take effect with the message's position, exactly once. null deletes a value. Bytes that are no UTF-8: key_base64,
 * data_base64, name_base64 and value_base64 in a record; {"base64":"..."} as a value. The child gets the values with its first
 * message, which has "state":{...} with all of them, {} if there are none; it keeps its own copy from then on. When a message
 * has "state" again (after a retry), the child's copy is no longer right: it takes these values instead. With `parallel` above 1,
 * each lane has a child, and there is no state, as a child sees only some of the messages: an answer with "state" is invalid.
 *
 * Options
 *
 *     command       required   run by /bin/sh -c, with SEGMENTER_STREAM, _GROUP, _CONSUMER, _PARTITION and
 *                              _EPOCH in its environment. A program with plain arguments takes the shell's place, and dies with
 *                              the runner, however that ends. Where the shell has more to do ("cd x; ./y"), only the shell dies:
 *                              write exec before the last program
 *     environment              variables of segrunner's environment that the command gets, separated by commas;
 *                              AWS_* stands for all that begin so. It gets PATH, HOME, USER, LOGNAME, SHELL, LANG,
 *                              LANGUAGE, LC_*, TZ and TMPDIR anyway, and no others: no password of Redis
 *     directory     segrunner's own    the working directory of the command
 *     framing       lines      lines: a message is a line of JSON, and so is an answer. frames: a message is
 *                              two frames, JSON and the raw data; an answer is one frame. A frame is its
 *                              length (4 bytes, big-endian) and that many bytes
 *     window        64         how many messages the child may have unanswered. With 1, the child gets a
 *                              message only after the message before it succeeded
 *     timeout       30s        how long the child may take for an answer before it is killed
 *     stop_timeout  5s         how long the child may take to end after its input is closed; then SIGTERM,
 *                              and after as long again SIGKILL to its process group
 *
 * Delivery: at least once, in order. After a "retry", the later messages that the child had already (window) are sent
 * again, after the retried message. A child that ends, hangs or writes an invalid answer is killed and replaced; the first
 * message without an answer is retried after retry_backoff. If the child has answered some messages, and ends, or writes
 * more, before it has the next one, another child gets that message at once, as its first attempt. If the command cannot be run at all, or if
 * no child has ever given a valid answer and three in a row have given none, segrunner stops, so that no message is
 * dead-lettered because of a wrong command or a missing script.
 */
#include <inttypes.h>
#include <time.h>

#include "conversation.h"
#include "effects.h"
#include "environment.h"

/* Children without any answer, while no child has ever answered, before the runner stops; and the pause between them. */
enum { FIRST_STARTS = 3, FIRST_PAUSE_MS = 100 };

typedef struct exec_plugin {
	const seg_host *host;
	const char *command;
	const char *directory; /* or NULL */
	const char *variables; /* for environment_make; or NULL */
	bool frames;
	size_t window;
	int64_t timeout;      /* ns */
	int64_t stop_timeout; /* ns */
	seg_counter *messages;
	seg_counter *starts;
	seg_counter *failures;
	uint32_t has_answered; /* 1 once a child of any partition has answered: the command can be run */
} exec_plugin;

typedef struct exec_partition {
	child child;
	conversation talk;
	exec_answer *answers; /* those after a dead letter are kept for the rest of the batch */
	size_t count, capacity;
	buffer scratch;
	char reason[512];
} exec_partition;

/* --- answers ----------------------------------------------------------------------------------- */

static void forget(exec_partition *partition, size_t count)
{
	for (size_t i = 0; i < count; i++)
		answer_fini(&partition->answers[i]);
	partition->count -= count;
	if (partition->count > 0)
		memmove(partition->answers, partition->answers + count,
			partition->count * sizeof(*partition->answers));
}

/* Forgets answers that take no effect: the child's copy of the values is no longer right. */
static void discard(exec_partition *partition)
{
	forget(partition, partition->count);
	partition->talk.told = false;
}

/* Keeps the known answers only if this batch begins with their messages. */
static void recall(exec_partition *partition, const seg_batch *batch)
{
	size_t known = 0;
	while (known < partition->count && known < batch->count &&
	       partition->answers[known].id.ms == batch->messages[known].id.ms &&
	       partition->answers[known].id.seq == batch->messages[known].id.seq)
		known++;
	if (known < partition->count)
		discard(partition);
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

/* The first message that is not done; count if all are. */
static size_t first_refused(const exec_partition *partition)
{
	size_t i = 0;
	while (i < partition->count && partition->answers[i].outcome == SEG_OUTCOME_DONE)
		i++;
	return i;
}

/*
 * Emits and changes what the answers to the first `count` messages say and has not taken effect yet. NULL, or why message *index
 * cannot have it.
 */
static const char *take_effect(exec_partition *partition, const seg_batch *batch, size_t count, size_t *index)
{
	for (size_t i = 0; i < count; i++) {
		exec_answer *answer = &partition->answers[i];
		if (!answer->effects)
			continue;
		const char *why = effects_apply(answer->effects, batch, i, &partition->scratch);
		if (why) {
			*index = i;
			return why;
		}
		json_decref(answer->effects);
		answer->effects = NULL;
	}
	return NULL;
}

/* segrunner refuses what a child wants for a message: the child's copy of the values is wrong from there on. */
static seg_answer refuse(exec_plugin *plugin, exec_partition *partition, size_t index, const char *why)
{
	snprintf(partition->reason, sizeof(partition->reason), "%s", why);
	discard(partition);
	seg_counter_add(plugin->messages, index);
	return seg_retry(index, partition->reason);
}

/* The answer to segrunner: about the first message that is not done, `index`; or all are done. */
static seg_answer conclude(exec_plugin *plugin, exec_partition *partition, const seg_batch *batch,
			   size_t index)
{
	size_t refused;
	const char *why = take_effect(partition, batch, index, &refused);
	if (why)
		return refuse(plugin, partition, refused, why);
	seg_counter_add(plugin->messages, index);
	if (index == partition->count) {
		forget(partition, partition->count);
		return seg_done();
	}
	const exec_answer *answer = &partition->answers[index];
	snprintf(partition->reason, sizeof(partition->reason), "%s", answer->reason);
	if (answer->outcome == SEG_OUTCOME_RETRY) {
		discard(partition);
		return seg_retry(index, partition->reason);
	}
	forget(partition, index + 1);
	return seg_dead_letter(index, partition->reason);
}

/* The same where the child has failed, for partition->reason: `index` has no answer. */
static seg_answer give_up(exec_plugin *plugin, exec_partition *partition, const seg_batch *batch, bool stop)
{
	size_t index = partition->count, refused;
	const char *why = take_effect(partition, batch, index, &refused);
	if (why)
		return refuse(plugin, partition, refused, why);
	discard(partition);
	seg_counter_add(plugin->messages, index);
	return stop ? seg_stop(index, partition->reason) : seg_retry(index, partition->reason);
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

/* Makes sure that a child runs and waits for messages. */
static int prepare(exec_plugin *plugin, exec_partition *partition, char *error, size_t error_size)
{
	child *c = &partition->child;
	child_listen(c);
	bool ended = child_runs(c) && child_has_ended(c);
	const char *disturbance = child_runs(c) ? conversation_disturbance(&partition->talk, c) : NULL;
	if (ended || disturbance) {
		char fate[128];
		child_end(c, 0, fate, sizeof(fate));
		plugin->host->log(plugin->host, SEG_WARNING,
				  "the child of partition %" PRIu32 " %s; starting another", c->partition,
				  ended ? fate : disturbance);
	}
	return child_runs(c) ? 0 : start(plugin, partition, error, error_size);
}

static bool has_answered(const exec_plugin *plugin)
{
	return __atomic_load_n(&plugin->has_answered, __ATOMIC_RELAXED);
}

/* The child has failed: kills it. Returns whether the command cannot be run at all; the reason is why it failed. */
static bool lose_child(exec_plugin *plugin, exec_partition *partition, const char *why)
{
	child *c = &partition->child;
	char fate[128];
	bool ended = child_has_ended(c);
	child_end(c, 0, fate, sizeof(fate));
	if (ended)
		snprintf(partition->reason, sizeof(partition->reason), "the child %s", fate);
	else
		snprintf(partition->reason, sizeof(partition->reason), "%s", why);
	seg_counter_add(plugin->failures, 1);
	return ended && (strstr(fate, "code 127") || strstr(fate, "code 126")) && !has_answered(plugin);
}

/* A wrong command fails for each message: the runner stops before a message is blamed for it. */
static void explain_first(exec_partition *partition)
{
	char last[sizeof(partition->reason)];
	snprintf(last, sizeof(last), "%s", partition->reason);
	snprintf(
		partition->reason, sizeof(partition->reason),
		"no child has ever given a valid answer, and the last %d gave none: %.300s; correct option.command, or "
		"the program that it runs",
		FIRST_STARTS, last);
}

static void pause_after(exec_plugin *plugin, exec_partition *partition, int failures)
{
	struct timespec pause = {.tv_nsec = (long)failures * FIRST_PAUSE_MS * 1000000};
	plugin->host->log(plugin->host, SEG_WARNING,
			  "partition %" PRIu32
			  ": no child has ever given a valid answer; this one: %s; starting another",
			  partition->child.partition, partition->reason);
	nanosleep(&pause, NULL);
}

/* --- callbacks -------------------------------------------------------------------------------------- */

typedef enum serving {
	SERVED_SOME,    /* or all; the first that is not done is refused, or has no answer */
	SERVED_NO_MORE, /* the child has answered some, and is of no use: the next one gets the rest */
	SERVING_FAILED, /* the child failed, and the first without an answer is retried */
	SERVING_STOPPED /* no child can answer */
} serving;

/* Gives the messages from partition->count on to a child: to others after it while no child has ever answered. */
static serving serve(exec_plugin *plugin, exec_partition *partition, const seg_batch *batch)
{
	char error[512] = "";
	for (int failures = 1;; failures++) {
		size_t before = partition->count;
		if (prepare(plugin, partition, partition->reason, sizeof(partition->reason)) != 0)
			return SERVING_FAILED;
		talk_end end = conversation_hold(&partition->talk, &partition->child, batch,
						 partition->answers, &partition->count, error, sizeof(error));
		if (partition->count > before)
			__atomic_store_n(&plugin->has_answered, 1, __ATOMIC_RELAXED);
		if (end == TALK_ANSWERED)
			return SERVED_SOME;
		/* A child that fails after it refused a message is replaced before the next batch. */
		if (first_refused(partition) < partition->count) {
			child_end(&partition->child, 0, NULL, 0);
			return SERVED_SOME;
		}
		if (end == TALK_LEFT)
			return SERVED_NO_MORE;
		if (lose_child(plugin, partition, error))
			return SERVING_STOPPED;
		if (has_answered(plugin))
			return SERVING_FAILED;
		if (failures == FIRST_STARTS) {
			explain_first(partition);
			return SERVING_STOPPED;
		}
		pause_after(plugin, partition, failures);
	}
}

static seg_answer exec_handle(void *plugin_, void *state, const seg_batch *batch)
{
	exec_plugin *plugin = plugin_;
	exec_partition *partition = state;
	serving served = SERVED_NO_MORE;
	recall(partition, batch);
	/* No child is needed for what has been answered. */
	if (first_refused(partition) < partition->count || partition->count == batch->count)
		return conclude(plugin, partition, batch, first_refused(partition));
	if (!make_room(partition, batch->count))
		return seg_retry(0, "out of memory");
	while (served == SERVED_NO_MORE) {
		size_t refused;
		/* A new child is told the values as the known answers leave them. */
		const char *why = take_effect(partition, batch, partition->count, &refused);
		if (why)
			return refuse(plugin, partition, refused, why);
		served = serve(plugin, partition, batch);
	}
	if (served == SERVED_SOME)
		return conclude(plugin, partition, batch, first_refused(partition));
	return give_up(plugin, partition, batch, served == SERVING_STOPPED);
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
	buffer_fini(&partition->scratch);
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
	child_init(&partition->child, plugin->host, number, epoch, plugin->variables);
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
	const char *variables = host->option(host, "environment");
	const char *wrong = NULL;
	if (strcmp(framing, "lines") != 0 && strcmp(framing, "frames") != 0)
		wrong = "option.framing must be lines or frames";
	else if (host->option_integer(host, "window") < 1)
		wrong = "option.window must be at least 1; 1 sends one message at a time";
	else if (host->option_duration(host, "timeout") < 1000000)
		wrong = "option.timeout must be at least 1ms; write how long an answer may take, such as 30s";
	else if (variables && environment_check(variables) != 0)
		wrong = "option.environment must be names with commas between them, such as SHOP_TOKEN, AWS_*";
	else if (host->option_duration(host, "stop_timeout") < 0)
		wrong = "option.stop_timeout must not be negative; 0 kills the child at once";
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
	plugin->variables = host->option(host, "environment");
	plugin->frames = strcmp(host->option(host, "framing"), "frames") == 0;
	plugin->window = (size_t)host->option_integer(host, "window");
	plugin->timeout = host->option_duration(host, "timeout");
	plugin->stop_timeout = host->option_duration(host, "stop_timeout");
	plugin->messages = host->counter(host, "messages_total", "Messages that a child answered with ok.");
	plugin->starts = host->counter(host, "child_starts_total", "Children started.");
	plugin->failures = host->counter(
		host, "child_failures_total",
		"Children that ended, hung or wrote an invalid answer while they had a message.");
	*out = plugin;
	return 0;
}

static void exec_fini(void *plugin)
{
	free(plugin);
}

static const seg_option options[] = {
	{"command", SEG_OPTION_TEXT, 1, NULL, "Command that /bin/sh -c runs, once for each partition."},
	{"environment", SEG_OPTION_TEXT, 0, NULL,
	 "Variables of segrunner's environment that the command gets besides PATH, HOME, LANG and the like: names, separated by commas; AWS_* stands for all that begin so."},
	{"directory", SEG_OPTION_PATH, 0, NULL,
	 "Working directory of the command; default: segrunner's own."},
	{"framing", SEG_OPTION_TEXT, 0, "lines",
	 "lines: messages and answers are lines of JSON. frames: length-prefixed JSON and raw data."},
	{"window", SEG_OPTION_INTEGER, 0, "64", "How many messages the child may have unanswered."},
	{"timeout", SEG_OPTION_DURATION, 0, "30s",
	 "How long the child may take for an answer before it is killed."},
	{"stop_timeout", SEG_OPTION_DURATION, 0, "5s",
	 "How long the child may take to end after its input is closed; then SIGTERM, after as long again SIGKILL."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "exec",
	.version = "1.0.0",
	.help = "Hands each message to a program in any language; one child per partition.",
	.options = options,
	.init = exec_init,
	.check = check_options,
	.partition_open = exec_partition_open,
	.handle = exec_handle,
	.tick = exec_tick,
	.partition_close = exec_partition_close,
	.fini = exec_fini,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);
