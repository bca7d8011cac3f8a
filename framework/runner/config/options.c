#include "config/options.h"

#include <string.h>

/* The field's offset; does not compile if the field has not the type that the row's kind writes. */
#define FIELD(type, record, field) \
	(offsetof(record, field) + 0 * sizeof((type *)NULL == &((record *)NULL)->field))

#define NS INT64_C(1)
#define US (1000 * NS)
#define MS (1000 * US)
#define S (1000 * MS)
#define MIN (60 * S)
#define H (60 * MIN)
#define KIB (INT64_C(1) << 10)
#define GIB (INT64_C(1) << 30)

static const char *const fsyncs[] = {"always", "everysec", NULL};
static const char *const idles[] = {"park", "yield", "spin", NULL};
static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const formats[] = {"text", "json", NULL};
static const char *const overflows[] = {"reject", "drop-oldest", NULL};
static const char *const packings[] = {"off", "on", "lz4", NULL};
static const char *const codecs[] = {"raw", "segmenter-go", NULL};

const char *const seg_config_section_names[SEG_CONFIG_SECTIONS] = {"redis", "runner", "consumer"};

#define ROW(id, record, text, field, type, row_kind) \
	.section = (id), .name = (text), .kind = (row_kind), .offset = FIELD(type, record, field)

#define REDIS(...) .change = SEG_CHANGE_RESTART, ROW(SEG_CONFIG_REDIS, seg_config_redis, __VA_ARGS__)
#define RUNNER(...) ROW(SEG_CONFIG_RUNNER, seg_config_runner, __VA_ARGS__)
#define LIVE_RUNNER(...) .change = SEG_CHANGE_LIVE, RUNNER(__VA_ARGS__)
#define FIXED_RUNNER(...) .change = SEG_CHANGE_RESTART, RUNNER(__VA_ARGS__)
#define CONSUMER(...) ROW(SEG_CONFIG_CONSUMER, seg_config_consumer, __VA_ARGS__)

/* clang-format off */
const seg_config_row seg_config_rows[] = {
	{REDIS("address", address, char *, SEG_CONFIG_ADDRESS), .value = "redis://127.0.0.1:6379",
	 .help = "Where Redis is: redis://host:port/database, unix:///path/to.sock, or embedded: a "
		 "redis-server that segrunner starts for itself, with its data in `directory`."},
	{REDIS("directory", directory, char *, SEG_CONFIG_PATH),
	 .help = "Where the embedded Redis keeps its data. Required with address = embedded, unused "
		 "otherwise."},
	{REDIS("user", user, char *, SEG_CONFIG_TEXT),
	 .help = "The ACL user to log in as; without it, Redis's default user."},
	{REDIS("password", password, char *, SEG_CONFIG_SECRET),
	 .help = "The password. Better kept out of this file: password_file, or ${REDIS_PASSWORD}."},
	{REDIS("password_file", password_file, char *, SEG_CONFIG_PATH),
	 .help = "A file that holds the password and nothing else."},
	{REDIS("connect_timeout", connect_timeout, int64_t, SEG_CONFIG_DURATION), .value = "5s", .min = MS,
	 .max = 10 * MIN,
	 .help = "How long one attempt to connect may take."},
	{REDIS("timeout", timeout, int64_t, SEG_CONFIG_DURATION), .value = "10s", .min = MS, .max = H,
	 .help = "How long an answer is waited for, reconnecting as needed."},
	{REDIS("allow_eviction", allow_eviction, bool, SEG_CONFIG_BOOLEAN), .value = "no",
	 .help = "Run even on a Redis whose maxmemory-policy evicts keys. It may then drop messages and "
		 "positions."},
	{REDIS("appendfsync", appendfsync, int, SEG_CONFIG_CHOICE), .value = "always", .choices = fsyncs,
	 .help = "When the embedded Redis writes through to disk. always: before it answers, so that "
		 "nothing it confirmed is lost to a power cut. everysec: faster, and up to two seconds "
		 "may be lost."},

	{FIXED_RUNNER("namespace", name_space, char *, SEG_CONFIG_NAME), .value = "default",
	 .help = "The namespace of all streams and groups named below. Runners in different ones never "
		 "meet."},
	{FIXED_RUNNER("name", name, char *, SEG_CONFIG_NAME),
	 .help = "This runner's name in its groups, unique among the runners. Without it, one is made "
		 "of the host's name, the process id and a random number."},
	{RUNNER("cpus", cpus, seg_config_cpus, SEG_CONFIG_CPUS), .value = "auto",
	 .help = "The CPUs that worker threads are pinned to, in turn, such as 0-3,6. auto: all that "
		 "the process may use. none: no pinning."},
	{RUNNER("idle", idle, int, SEG_CONFIG_CHOICE), .value = "park", .choices = idles,
	 .help = "What a worker without messages does. park: sleeps until woken. yield: offers the CPU, "
		 "and looks again. spin: looks again at once, for the lowest latency at the price of a "
		 "whole CPU each."},
	{LIVE_RUNNER("shutdown_timeout", shutdown_timeout, int64_t, SEG_CONFIG_DURATION), .value = "30s",
	 .min = 0, .max = H,
	 .help = "How long a clean stop waits for handlers to finish their batches."},
	{RUNNER("handler_timeout", handler_timeout, int64_t, SEG_CONFIG_DURATION), .value = "0", .min = 0,
	 .max = 24 * H,
	 .help = "A handler that does not return for so long counts as stuck, and its partition goes to "
		 "another runner. 0: never."},
	{LIVE_RUNNER("log_level", log_level, int, SEG_CONFIG_CHOICE), .value = "info", .choices = levels,
	 .help = "What is logged: this and everything graver."},
	{LIVE_RUNNER("log_format", log_format, int, SEG_CONFIG_CHOICE), .value = "text", .choices = formats,
	 .help = "text: lines for people. json: one object a line, for log collectors."},
	{FIXED_RUNNER("log_file", log_file, char *, SEG_CONFIG_LOG_FILE), .value = "-",
	 .help = "The file that the log is appended to; - is standard error."},
	{LIVE_RUNNER("plugin_directory", plugin_directory, char *, SEG_CONFIG_PATH),
	 .help = "Where plugins named without a / are looked for. Without it, where segrunner was "
		 "installed to."},
	{FIXED_RUNNER("admin", admin, char *, SEG_CONFIG_LISTEN), .value = "off",
	 .help = "Where this runner can be looked at over HTTP: a page at /, /metrics for Prometheus, "
		 "/livez, "
		 "/readyz and /api/v1/. An address that other machines reach needs admin_token_file."},
	{FIXED_RUNNER("admin_token_file", admin_token_file, char *, SEG_CONFIG_PATH),
	 .help = "A file that holds a token and nothing else, for those who ask at admin: as a Bearer token, "
		 "or as the password in a browser. /livez and /readyz answer without."},

	{CONSUMER("stream", stream, char *, SEG_CONFIG_NAME), .required = true,
	 .help = "The stream whose messages are handled."},
	{CONSUMER("partitions", shape.partitions, uint32_t, SEG_CONFIG_INTEGER), .min = 1, .max = 65536,
	 .help = "The stream's partitions: given, the stream is registered with them if it does not "
		 "exist, and must have as many if it does. Without it, the stream must exist. Can never "
		 "be changed."},
	{CONSUMER("partition_size", shape.partition_size, uint64_t, SEG_CONFIG_COUNT), .value = "1_000_000",
	 .min = 1, .max = INT64_C(1) << 40,
	 .help = "How many messages each partition holds at most. What every group has handled makes "
		 "room first. Only with partitions."},
	{CONSUMER("overflow", shape.overflow, seg_overflow, SEG_CONFIG_CHOICE), .value = "reject",
	 .choices = overflows,
	 .help = "What a full partition does. reject: it refuses new messages, and the producer gets an "
		 "error. drop-oldest: it drops its oldest messages, read or not, and counts them. Only "
		 "with partitions."},
	{CONSUMER("packing", shape.packing, seg_packing, SEG_CONFIG_CHOICE), .value = "off",
	 .choices = packings,
	 .help = "Whether a batch of messages becomes one entry of the log, which costs Redis far less, "
		 "but which other tools cannot read. lz4: and is compressed. Only with partitions; can never "
		 "be changed."},
	{CONSUMER("group", group, char *, SEG_CONFIG_NAME), .required = true,
	 .help = "The group that this runner joins. Runners of one group share the partitions."},
	{CONSUMER("plugin", plugin, char *, SEG_CONFIG_PLUGIN), .required = true,
	 .help = "The handler: the name of a plugin in plugin_directory, or the path of a shared "
		 "object."},
	{CONSUMER("batch_size", batch_size, uint32_t, SEG_CONFIG_INTEGER), .value = "512", .min = 1,
	 .max = 65536,
	 .help = "How many messages a handler gets at once, at most."},
	{CONSUMER("batch_linger", batch_linger, int64_t, SEG_CONFIG_DURATION), .value = "0", .min = 0,
	 .max = MIN,
	 .help = "How long a batch that is not full waits for more messages. 0: not at all."},
	{CONSUMER("in_flight_batches", in_flight_batches, uint32_t, SEG_CONFIG_INTEGER), .value = "4",
	 .min = 2, .max = 64,
	 .help = "How many batches may be read and not yet be committed, per partition. So many messages, "
		 "at most, are handled again after a crash."},
	{CONSUMER("in_flight_bytes", in_flight_bytes, uint64_t, SEG_CONFIG_SIZE), .value = "4MiB",
	 .min = 4 * KIB, .max = 4 * GIB,
	 .help = "How many bytes are read ahead, per partition. A single message may exceed it."},
	{CONSUMER("start", start, seg_start, SEG_CONFIG_START), .value = "earliest",
	 .help = "Where a group begins that does not exist yet; one that does goes on where it was."},
	{CONSUMER("session_timeout", session_timeout, int64_t, SEG_CONFIG_DURATION), .value = "10s",
	 .min = 500 * MS, .max = H,
	 .help = "A runner that Redis has not heard of for so long counts as dead, and its partitions "
		 "go to others."},
	{CONSUMER("capacity", capacity, uint32_t, SEG_CONFIG_INTEGER), .value = "100", .min = 1, .max = 1000,
	 .help = "This runner's share of the partitions, in proportion to the capacity of the others."},
	{CONSUMER("codec", codec, seg_codec, SEG_CONFIG_CHOICE), .value = "raw", .choices = codecs,
	 .help = "How messages are packed. raw: as they are. segmenter-go: in the JSON envelope of the "
		 "Go library."},
	{CONSUMER("max_attempts", max_attempts, uint32_t, SEG_CONFIG_INTEGER), .value = "5", .min = 0,
	 .max = 1000000,
	 .help = "How often a failing message is tried before it becomes a dead letter. 0: for ever, "
		 "its partition waiting."},
	{CONSUMER("retry_backoff", retry_backoff, int64_t, SEG_CONFIG_DURATION), .value = "100ms", .min = MS,
	 .max = H,
	 .help = "The pause before the second attempt; it doubles with each further one."},
	{CONSUMER("retry_backoff_max", retry_backoff_max, int64_t, SEG_CONFIG_DURATION), .value = "30s",
	 .min = MS, .max = 24 * H,
	 .help = "The longest pause between two attempts."},
	{CONSUMER("commit_interval", commit_interval, int64_t, SEG_CONFIG_DURATION), .value = "2ms",
	 .min = 0, .max = MIN,
	 .help = "The shortest time between two commits of a partition, unless a quarter of what may be in "
		 "flight is handled before. After a crash, what was handled since the last one is handled "
		 "again."},
	{CONSUMER("tick", tick, int64_t, SEG_CONFIG_DURATION), .value = "1s", .min = MS, .max = H,
	 .help = "How often the plugin's tick is called, per partition."},
};
/* clang-format on */

const size_t seg_config_row_count = sizeof(seg_config_rows) / sizeof(seg_config_rows[0]);

_Static_assert(sizeof(seg_config_rows) / sizeof(seg_config_rows[0]) <= SEG_CONFIG_ROWS_MAX,
	       "raise SEG_CONFIG_ROWS_MAX");
_Static_assert(sizeof(seg_overflow) == sizeof(int) && sizeof(seg_codec) == sizeof(int) &&
		       sizeof(seg_packing) == sizeof(int),
	       "a choice is stored as an int");

const seg_config_row *seg_config_row_find(seg_config_section section, const char *name)
{
	for (size_t i = 0; i < seg_config_row_count; i++)
		if (seg_config_rows[i].section == section && strcmp(seg_config_rows[i].name, name) == 0)
			return &seg_config_rows[i];
	return NULL;
}

bool seg_config_row_is_string(const seg_config_row *row)
{
	return row->kind <= SEG_CONFIG_ADDRESS;
}

const char *seg_config_row_none(const seg_config_row *row)
{
	return row->kind == SEG_CONFIG_LOG_FILE ? "-" : row->kind == SEG_CONFIG_LISTEN ? "off" : NULL;
}
