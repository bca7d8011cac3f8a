/*
 * lua - a handler as a Lua 5.4 script, which is loaded again when its file changes.
 *
 *     [consumer orders]
 *     plugin = lua
 *     option.script = orders.lua
 *
 * The script defines a function `handle`:
 *
 *     function handle(message)
 *         local amount = tonumber(message.data)
 *         if not amount then return "dead_letter", "the data is not a number" end
 *         segmenter.count("orders_total")
 *     end
 *
 * message has the fields stream, group, partition, epoch, id ("1763907650000-4"), attempt, key, data, and headers: a list
 * of {name, value} that also has each value under its name (message.headers.trace). handle returns
 *
 *     nothing, or true            the message has taken effect
 *     "retry", why                hand over the message again after a pause (retry_backoff, max_attempts)
 *     "dead_letter", why          move the message to the dead letters
 *     "stop", why                 the handler cannot continue: segrunner ends
 *
 * An error that handle raises is a retry. So is whatever else it returns, also nil with a second value, as Lua's functions tell
 * of a failure. For the message that it handles, handle may call
 *
 *     emit(stream, key, data [, headers])    adds a record to a stream of the section's `outputs`; headers:
 *                                            {name = value, ...}, or a list such as message.headers
 *     state_get(name)                        the partition's value of that name, a string, or nil
 *     state_put(name, value)                 gives it a value: a string or a number
 *     state_delete(name)                     deletes it
 *
 * What these did takes effect with the message's position, exactly once, if the message is done; else it is dropped. They
 * raise an error where segrunner refuses: a stream that is not among the outputs, a state beyond state_limit. A script should
 * emit the same for a message each time: with pairs(), the order of records is another in each process.
 * examples/lua/wordcount.lua counts words so. The script may also define open(partition, epoch), tick(), and close(reason),
 * where reason is "released" or "lost" (flush nothing to shared stores then). A script may use segmenter.stream, group,
 * consumer, instance, partition and epoch; segmenter.log([level,] text), as print does; and segmenter.count(name [, n]).
 *
 * Each partition has its own Lua state. Partitions share no globals. A partition loses its globals when it moves to another
 * runner, and when the script is loaded again; what lasts belongs into state_put. With `parallel` above 1, each lane has a Lua
 * state, and the messages of a key come to any of them, in order: so globals are only a cache. The names of state_put are then
 * those of the message's slot: messages of one key share them, and those of other keys perhaps not.
 *
 * Options
 *
 *     script             required     the file
 *     reload             yes          check at each tick whether the file has changed. The new script is
 *                                     loaded and its open called first; if that fails, the old script stays
 *                                     in use, and the log says why
 *     sandbox            yes          only base, string, table, math, utf8, coroutine, and the times of os:
 *                                     nothing that reaches a file, a process or another library. no: all of
 *                                     Lua, with require
 *     memory_limit       64MiB        of one partition's state; 0: no limit. A state that exceeds the limit
 *                                     is loaded again
 *     instruction_limit  100000000    of one call (about a second); 0: no limit. A step of string.find, match,
 *                                     gmatch and gsub counts as an instruction, and so does each element that
 *                                     string.rep, table.move and the like go through
 *
 * The limits and the sandbox protect against mistakes, not against a malicious author.
 *
 * Delivery: at least once, in order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "script.h"

/* Tells a changed file from the same file before. */
typedef struct file_version {
	struct timespec changed;
	off_t size;
	ino_t inode;
} file_version;

typedef struct lua_plugin {
	const seg_host *host;
	script_settings settings;
	bool reload;
	seg_counter *messages;
	seg_counter *errors;
	seg_counter *reloads;
} lua_plugin;

typedef struct lua_partition {
	script *script;
	uint32_t number;
	uint64_t epoch;
	file_version version; /* of the file at the last attempt to load it */
	char reason[512];
} lua_partition;

/* All zeros if there is no such file. */
static file_version look_at(const char *path)
{
	struct stat status;
	if (stat(path, &status))
		return (file_version){0};
	return (file_version){status.st_mtim, status.st_size, status.st_ino};
}

static bool is_same(const file_version *a, const file_version *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->size == b->size && a->inode == b->inode;
}

/* Loads and opens the script anew. Closes the old one, if any, only after that succeeded. */
static int renew(lua_plugin *plugin, lua_partition *partition, char *error, size_t error_size)
{
	char ignored[512];
	partition->version = look_at(plugin->settings.path);
	script *fresh =
		script_load(&plugin->settings, partition->number, partition->epoch, error, error_size);
	if (!fresh)
		return -1;
	if (script_open(fresh, error, error_size) != 0) {
		script_free(fresh);
		return -1;
	}
	if (partition->script &&
	    script_close(partition->script, SEG_CLOSE_RELEASED, ignored, sizeof(ignored)))
		plugin->host->log(plugin->host, SEG_WARNING, "close of partition %u: %s", partition->number,
				  ignored);
	script_free(partition->script);
	partition->script = fresh;
	return 0;
}

static void reload_if_changed(lua_plugin *plugin, lua_partition *partition)
{
	char error[512];
	file_version version = look_at(plugin->settings.path);
	if (is_same(&version, &partition->version))
		return;
	if (renew(plugin, partition, error, sizeof(error)) == 0) {
		seg_counter_add(plugin->reloads, 1);
		plugin->host->log(plugin->host, SEG_INFO, "partition %u: loaded the changed script %s",
				  partition->number, plugin->settings.path);
	} else {
		plugin->host->log(plugin->host, SEG_ERROR,
				  "partition %u keeps the old script, because the changed one fails: %s",
				  partition->number, error);
	}
}

/* A state that ran out of memory would keep failing. */
static void replace_exhausted(lua_plugin *plugin, lua_partition *partition)
{
	char error[512];
	if (script_is_exhausted(partition->script) && renew(plugin, partition, error, sizeof(error)) == 0)
		plugin->host->log(plugin->host, SEG_WARNING,
				  "partition %u: the script ran out of memory; loaded it again",
				  partition->number);
}

/* --- callbacks ---------------------------------------------------------------------------------- */

static seg_answer lua_handle(void *plugin_, void *state, const seg_batch *batch)
{
	lua_plugin *plugin = plugin_;
	lua_partition *partition = state;
	seg_outcome outcome = SEG_OUTCOME_DONE;
	size_t i = 0;
	while (i < batch->count) {
		outcome = script_handle(partition->script, batch, i, partition->reason,
					sizeof(partition->reason));
		if (outcome != SEG_OUTCOME_DONE)
			break;
		i++;
	}
	seg_counter_add(plugin->messages, i);
	if (outcome == SEG_OUTCOME_DONE)
		return seg_done();
	seg_counter_add(plugin->errors, outcome == SEG_OUTCOME_RETRY);
	replace_exhausted(plugin, partition);
	return (seg_answer){outcome, (uint32_t)i, partition->reason};
}

static void lua_tick(void *plugin_, void *state)
{
	lua_plugin *plugin = plugin_;
	lua_partition *partition = state;
	char error[512];
	if (plugin->reload)
		reload_if_changed(plugin, partition);
	if (script_tick(partition->script, error, sizeof(error)) == 0)
		return;
	plugin->host->log(plugin->host, SEG_WARNING, "tick of partition %u: %s", partition->number, error);
	replace_exhausted(plugin, partition);
}

static void lua_partition_close(void *plugin_, void *state, seg_close_reason reason)
{
	lua_plugin *plugin = plugin_;
	lua_partition *partition = state;
	char error[512];
	if (partition->script && script_close(partition->script, reason, error, sizeof(error)) != 0)
		plugin->host->log(plugin->host, SEG_WARNING, "close of partition %u: %s", partition->number,
				  error);
	script_free(partition->script);
	free(partition);
}

static int lua_partition_open(void *plugin_, uint32_t number, uint64_t epoch, void **state, char *error,
			      size_t error_size)
{
	lua_plugin *plugin = plugin_;
	lua_partition *partition = calloc(1, sizeof(*partition));
	if (!partition) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	partition->number = number;
	partition->epoch = epoch;
	if (renew(plugin, partition, error, error_size) != 0) {
		free(partition);
		return -1;
	}
	*state = partition;
	return 0;
}

static int read_settings(const seg_host *host, script_settings *settings, char *error, size_t error_size)
{
	int64_t memory = host->option_integer(host, "memory_limit");
	int64_t instructions = host->option_integer(host, "instruction_limit");
	*settings = (script_settings){.host = host,
				      .path = host->option(host, "script"),
				      .memory_limit = (size_t)memory,
				      .instruction_limit = (uint64_t)instructions,
				      .sandbox = host->option_boolean(host, "sandbox")};
	if (memory >= 0 && instructions >= 0)
		return 0;
	snprintf(error, error_size, "option.%s must not be negative; 0 means no limit",
		 memory < 0 ? "memory_limit" : "instruction_limit");
	return -1;
}

/* Runs the script once, in a state of its own: what it defines is known only then. */
static int lua_check(const seg_host *host, char *error, size_t error_size)
{
	script_settings settings;
	char why[400] = "";
	if (read_settings(host, &settings, error, error_size) != 0)
		return -1;
	script *trial = script_load(&settings, 0, 0, why, sizeof(why));
	bool good = trial != NULL;
	script_free(trial);
	if (!good)
		snprintf(error, error_size, "option.script: %s", why);
	return good ? 0 : -1;
}

static int lua_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	lua_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	plugin->host = host;
	plugin->reload = host->option_boolean(host, "reload");
	plugin->messages = host->counter(host, "messages_total", "Messages that the script has handled.");
	plugin->errors = host->counter(host, "retries_total",
				       "Messages for which the script answered retry, or raised an error.");
	plugin->reloads =
		host->counter(host, "reloads_total", "Times that a partition loaded a changed script.");
	/* Loads the script once, so that segrunner reports a mistake before it claims a partition. */
	script *trial = read_settings(host, &plugin->settings, error, error_size) == 0
				? script_load(&plugin->settings, 0, 0, error, error_size)
				: NULL;
	script_free(trial);
	if (!trial) {
		free(plugin);
		return -1;
	}
	*out = plugin;
	return 0;
}

static void lua_fini(void *plugin)
{
	free(plugin);
}

static const seg_option options[] = {
	{"script", SEG_OPTION_PATH | SEG_OPTION_CONTENT, 1, NULL,
	 "File of the script, which defines handle(message)."},
	{"reload", SEG_OPTION_BOOLEAN, 0, "yes", "Check at each tick whether the file has changed."},
	{"sandbox", SEG_OPTION_BOOLEAN, 0, "yes",
	 "Deny the script what reaches files, processes and libraries."},
	{"memory_limit", SEG_OPTION_INTEGER, 0, "64MiB", "Memory of one partition's state; 0: no limit."},
	{"instruction_limit", SEG_OPTION_INTEGER, 0, "100000000", "Instructions of one call; 0: no limit."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "lua",
	.version = "1.0.0",
	.help = "Hands each message to a Lua script, which is loaded again when its file changes.",
	.options = options,
	.init = lua_init,
	.check = lua_check,
	.partition_open = lua_partition_open,
	.handle = lua_handle,
	.tick = lua_tick,
	.partition_close = lua_partition_close,
	.fini = lua_fini,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);
