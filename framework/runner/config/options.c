#include "config/options.h"

#include <string.h>

#include "stream/compression.h"
#include "stream/spelling.h"

/* The field's offset. Does not compile unless the field has the type `type`, which the row's kind writes. */
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
static const char *const formats[] = {"text", "json", NULL};

const char *const seg_log_level_names[] = {"debug", "info", "warning", "error", NULL};

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
	 .help = "The address of Redis: redis://host:port/database, of several servers "
		 "redis://host:port,host:port/database, with Sentinels "
		 "redis+sentinel://host,host,host/master/database, or unix:///path/to.sock. With TLS, rediss:// and "
		 "rediss+sentinel://. embedded: segrunner starts a redis-server of its own, with its data in "
		 "`directory`."},
	{REDIS("directory", directory, char *, SEG_CONFIG_PATH),
	 .help = "The data directory of the embedded Redis. Required with address = embedded; otherwise "
		 "ignored."},
	{REDIS("user", user, char *, SEG_CONFIG_TEXT),
	 .help = "The ACL user to log in as. Without it, Redis's default user."},
	{REDIS("password", password, char *, SEG_CONFIG_SECRET),
	 .help = "The password. Prefer password_file or ${REDIS_PASSWORD}, which keep it out of this file."},
	{REDIS("password_file", password_file, char *, SEG_CONFIG_PATH),
	 .help = "A file that contains only the password. segrunner reads it at each connect, so a new password "
		 "needs no restart."},
	{REDIS("tls_ca_file", tls_ca_file, char *, SEG_CONFIG_PATH),
	 .help = "TLS: a PEM file with the certificates of the authorities to trust. Without it and "
		 "tls_ca_directory, those that the system trusts. All tls_ files are read again at each connect."},
	{REDIS("tls_ca_directory", tls_ca_directory, char *, SEG_CONFIG_PATH),
	 .help = "TLS: a directory with such certificates, under the names that openssl rehash makes."},
	{REDIS("tls_cert_file", tls_cert_file, char *, SEG_CONFIG_PATH),
	 .help = "TLS: a PEM file with the certificate to show to Redis. Requires tls_key_file."},
	{REDIS("tls_key_file", tls_key_file, char *, SEG_CONFIG_PATH),
	 .help = "TLS: a PEM file with the private key of tls_cert_file, without a passphrase."},
	{REDIS("tls_server_name", tls_server_name, char *, SEG_CONFIG_TEXT),
	 .help = "TLS: the name that the certificate of Redis must be for. Without it, the host in address."},
	{REDIS("tls_verify", tls_verify, bool, SEG_CONFIG_BOOLEAN), .value = "yes",
	 .help = "TLS: refuse a Redis whose certificate is not valid, not for its name, or of an authority that is "
		 "not trusted. no: anyone on the way can read and change everything."},
	{REDIS("sentinel_user", sentinel_user, char *, SEG_CONFIG_TEXT),
	 .help = "The ACL user to log in as at the Sentinels. Requires sentinel_password_file."},
	{REDIS("sentinel_password_file", sentinel_password_file, char *, SEG_CONFIG_PATH),
	 .help = "A file that contains only the password of the Sentinels. Without it, segrunner does not log "
		 "in there."},
	{REDIS("connect_timeout", connect_timeout, int64_t, SEG_CONFIG_DURATION), .value = "5s", .min = MS,
	 .max = 10 * MIN,
	 .help = "The longest time that one connection attempt may take."},
	{REDIS("timeout", timeout, int64_t, SEG_CONFIG_DURATION), .value = "10s", .min = MS, .max = H,
	 .help = "The longest wait for a reply, reconnects included."},
	{REDIS("allow_eviction", allow_eviction, bool, SEG_CONFIG_BOOLEAN), .value = "no",
	 .help = "Run even if the maxmemory-policy of Redis evicts keys. Redis may then drop messages and "
		 "positions."},
	{REDIS("ack_replicas", ack_replicas, uint32_t, SEG_CONFIG_INTEGER), .value = "0", .min = 0, .max = 16,
	 .help = "How many replicas must have a commit or a dead letter before it counts, so that a failover to "
		 "one of these keeps it. 0: the master alone."},
	{REDIS("appendfsync", appendfsync, int, SEG_CONFIG_CHOICE), .value = "always", .choices = fsyncs,
	 .help = "When the embedded Redis flushes writes to disk. always: before it replies, so a power "
		 "cut loses nothing that was confirmed. everysec: faster, but a power cut may lose up to "
		 "two seconds of writes."},

	{FIXED_RUNNER("namespace", name_space, char *, SEG_CONFIG_NAME), .value = "default",
	 .help = "The namespace of all streams and groups in this file. Runners in different namespaces "
		 "share nothing."},
	{FIXED_RUNNER("name", name, char *, SEG_CONFIG_NAME),
	 .help = "This runner's name in its groups; must be unique among the runners. Without it, "
		 "segrunner makes a name of the host name, the process id and a random number."},
	{RUNNER("cpus", cpus, seg_config_cpus, SEG_CONFIG_CPUS), .value = "auto",
	 .help = "The CPUs that worker threads are pinned to, in turn as they start, such as 0-3,6. auto: all "
		 "CPUs that the process may use. none: no pinning."},
	{RUNNER("idle", idle, int, SEG_CONFIG_CHOICE), .value = "park", .choices = idles,
	 .help = "What a worker without messages does. park: sleep until woken. yield: offer the CPU to "
		 "others, then look again. spin: look again at once; the lowest latency, but each such thread "
		 "keeps a CPU busy. Two of the CPUs that the process may use (its affinity, and the limit "
		 "cpu.max of its control group) stay free for Redis and others: a thread that finds no other "
		 "CPU parks, so with two CPUs or fewer spin is park. Each consumer's I/O thread comes first, then "
		 "the workers as they become idle."},
	{LIVE_RUNNER("shutdown_timeout", shutdown_timeout, int64_t, SEG_CONFIG_DURATION), .value = "30s",
	 .min = 0, .max = H,
	 .help = "How long a clean stop waits for handlers to finish their batches."},
	{RUNNER("handler_timeout", handler_timeout, int64_t, SEG_CONFIG_DURATION), .value = "5min", .min = 0,
	 .max = 24 * H,
	 .help = "A handler call that runs longer counts as stuck: the runner gives up all its partitions and "
		 "exits with 70, and other runners take over. 0: no limit. From 30 s on, the log, `segctl why` and "
		 "`segctl top` name the call and its message."},
	{LIVE_RUNNER("log_level", log_level, int, SEG_CONFIG_CHOICE), .value = "info", .choices = seg_log_level_names,
	 .help = "The lowest level that is logged."},
	{LIVE_RUNNER("log_format", log_format, int, SEG_CONFIG_CHOICE), .value = "text", .choices = formats,
	 .help = "text: lines for people. json: one JSON object per line, for log collectors."},
	{FIXED_RUNNER("log_file", log_file, char *, SEG_CONFIG_LOG_FILE), .value = "-",
	 .help = "The file to append the log to. -: standard error."},
	{LIVE_RUNNER("plugin_directory", plugin_directory, char *, SEG_CONFIG_PATH),
	 .help = "The directory of plugins that are named without a /. Without it, the directory that "
		 "segrunner was installed with."},
	{FIXED_RUNNER("admin", admin, char *, SEG_CONFIG_LISTEN), .value = "off",
	 .help = "The address of the HTTP admin server: a page at /, /metrics for Prometheus, /livez, "
		 "/readyz and /api/v1/. An address that other machines can reach requires "
		 "admin_token_file."},
	{FIXED_RUNNER("admin_url", admin_url, char *, SEG_CONFIG_TEXT),
	 .help = "The URL at which a browser reaches this runner's page, such as https://host:9464/: the "
		 "other runners' pages link to it. Without it, they link to the address of admin; with "
		 "0.0.0.0 or [::], to this host's name; with 127.0.0.1, they do not."},
	{FIXED_RUNNER("admin_token_file", admin_token_file, char *, SEG_CONFIG_PATH),
	 .help = "A file that contains only the token that admin requires, as a Bearer token or as the "
		 "password in a browser. /livez and /readyz need no token."},

	{FIXED_RUNNER("admin_tls_cert_file", admin_tls_cert_file, char *, SEG_CONFIG_PATH),
	 .help = "A PEM file with the certificate of the admin server, which then speaks HTTPS only. Requires "
		 "admin_tls_key_file. SIGHUP reads both files again."},
	{FIXED_RUNNER("admin_tls_key_file", admin_tls_key_file, char *, SEG_CONFIG_PATH),
	 .help = "A PEM file with the private key of admin_tls_cert_file, without a passphrase."},

	{CONSUMER("stream", stream, char *, SEG_CONFIG_NAME), .required = true,
	 .help = "The stream to read."},
	{CONSUMER("partitions", shape.partitions, uint32_t, SEG_CONFIG_INTEGER), .min = 1, .max = 65536,
	 .help = "The stream's number of partitions; fixed; limits how many runners can share the work. If "
		 "the stream does not exist, segrunner registers it; if it exists, its number must be the "
		 "same. Without this option, the stream must exist."},
	{CONSUMER("partition_size", shape.partition_size, uint64_t, SEG_CONFIG_COUNT), .value = "1_000_000",
	 .min = 1, .max = INT64_C(1) << 40,
	 .help = "The most messages that a partition holds. Messages that every group has handled are "
		 "deleted first. Requires partitions."},
	{CONSUMER("overflow", shape.overflow, seg_overflow, SEG_CONFIG_CHOICE), .value = "reject",
	 .choices = seg_overflow_names,
	 .help = "What happens when a partition is full. reject: producers get an error. drop-oldest: the "
		 "oldest messages are deleted and counted, read or not. Requires partitions."},
	{CONSUMER("packing", shape.packing, seg_packing, SEG_CONFIG_CHOICE), .value = "off",
	 .choices = seg_packing_names,
	 .help = "on: a batch of messages becomes one stream entry, which costs Redis far less, but which "
		 "other tools cannot read. lz4: the entry is compressed as well. zstd: it is compressed to less, "
		 "for more CPU. Requires partitions; fixed."},
	{CONSUMER("group", group, char *, SEG_CONFIG_NAME), .required = true,
	 .help = "The group to join. The runners of a group share the partitions."},
	{CONSUMER("plugin", plugin, char *, SEG_CONFIG_PLUGIN), .required = true,
	 .help = "The handler: the name of a plugin in plugin_directory, or the path of a shared object."},
	{CONSUMER("outputs", output_list, char *, SEG_CONFIG_NAMES),
	 .help = "The streams to which the handler may emit messages, at most 64. Each of these is added exactly once, and before "
		 "the position of the message that it came from is committed. output.NAME.partitions registers stream "
		 "NAME, with output.NAME.partition_size, .overflow and .packing; without it, the stream must exist."},
	{CONSUMER("packing_level", packing_level, uint32_t, SEG_CONFIG_INTEGER), .value = "1", .min = SEG_LEVEL_MIN,
	 .max = SEG_LEVEL_MAX,
	 .help = "The level of zstd for what the handler emits to outputs with packing = zstd. A higher level makes some "
		 "entries smaller, and each costs more CPU."},
	{CONSUMER("batch_size", batch_size, uint32_t, SEG_CONFIG_INTEGER), .value = "512", .min = 1,
	 .max = 65536,
	 .help = "The most messages in one call of the handler."},
	{CONSUMER("parallel", parallel, uint32_t, SEG_CONFIG_INTEGER), .value = "1", .min = 1, .max = 256,
	 .help = "How many threads handle messages of one partition at once. A key's messages stay in order, and a message "
		 "that fails holds up only the keys of its slot, of which a partition has 1,024. Requires a plugin that can "
		 "(SEG_HANDLER_PARALLEL)."},
	{CONSUMER("beyond_limit", beyond_limit, uint64_t, SEG_CONFIG_COUNT), .value = "100_000", .min = 1000,
	 .max = 10000000,
	 .help = "With parallel above 1: the most messages that a partition reads beyond its position, besides those in "
		 "flight, while a message holds up the position. Then the partition waits for that message."},
	{CONSUMER("batch_linger", batch_linger, int64_t, SEG_CONFIG_DURATION), .value = "0", .min = 0,
	 .max = MIN,
	 .help = "How long a batch that is not full waits for more messages. 0: no wait."},
	{CONSUMER("in_flight_batches", in_flight_batches, uint32_t, SEG_CONFIG_INTEGER), .value = "0",
	 .max = 64,
	 .help = "The most batches per partition that are read but not committed: 2 to 64. After a crash, at "
		 "most this many batches are handled again. 0: 4 batches; while Redis is 1 ms away or more, as "
		 "many messages as the round trips need, up to 65,536."},
	{CONSUMER("in_flight_bytes", in_flight_bytes, uint64_t, SEG_CONFIG_SIZE), .value = "4MiB",
	 .min = 4 * KIB, .max = 4 * GIB,
	 .help = "The most bytes per partition that are read ahead; together with the messages of the read "
		 "under way, this bounds a runner's memory. A single message may exceed it."},
	{CONSUMER("entry_limit", entry_limit, uint64_t, SEG_CONFIG_SIZE), .value = "64MiB",
	 .min = 64 * KIB, .max = 4 * GIB,
	 .help = "The most memory that one entry of the stream may need: one message, or all that are packed in "
		 "it, unpacked. A larger entry becomes a dead letter; segrunner does not read it into memory."},
	{CONSUMER("state_limit", state_limit, uint64_t, SEG_CONFIG_SIZE), .value = "64MiB",
	 .min = 4 * KIB, .max = 64 * GIB,
	 .help = "The most bytes of names and values that handlers keep per partition (seg_state_put). They are in Redis, and "
		 "in the memory of the partition's owner."},
	{CONSUMER("start", start, seg_start, SEG_CONFIG_START), .value = "earliest",
	 .help = "Where a new group starts. A group that exists continues at its position."},
	{CONSUMER("session_timeout", session_timeout, int64_t, SEG_CONFIG_DURATION), .value = "10s",
	 .min = 500 * MS, .max = H,
	 .help = "A runner that sends no heartbeat to Redis for this long counts as dead, and its "
		 "partitions go to the other runners."},
	{CONSUMER("capacity", capacity, uint32_t, SEG_CONFIG_INTEGER), .value = "100", .min = 1, .max = 1000,
	 .help = "This runner's weight: it gets partitions in proportion to the capacities of all runners."},
	{CONSUMER("codec", codec, seg_codec, SEG_CONFIG_CHOICE), .value = "raw", .choices = seg_codec_names,
	 .help = "The encoding of messages. raw: the bytes as they are. segmenter-go: the JSON envelope of "
		 "the Go library."},
	{CONSUMER("max_attempts", max_attempts, uint32_t, SEG_CONFIG_INTEGER), .value = "5", .min = 0,
	 .max = 1000000,
	 .help = "The attempts at a message before it becomes a dead letter: how often its handler may fail, or how many "
		 "processes it may kill (two if this is 1: the first death does not tell which message is to blame). 0: no "
		 "limit; its partition waits."},
	{CONSUMER("retry_backoff", retry_backoff, int64_t, SEG_CONFIG_DURATION), .value = "100ms", .min = MS,
	 .max = H,
	 .help = "The pause before the second attempt. Each further pause is twice as long. "
		 "The time is drawn by chance, from half of it on, so that failures do not come back all at once."},
	{CONSUMER("retry_backoff_max", retry_backoff_max, int64_t, SEG_CONFIG_DURATION), .value = "30s",
	 .min = MS, .max = 24 * H,
	 .help = "The longest pause between two attempts."},
	{CONSUMER("dead_letter_limit", dead_letter_limit, uint64_t, SEG_CONFIG_COUNT), .value = "100_000",
	 .min = 0, .max = (int64_t)1 << 40,
	 .help = "The most dead letters of the group that each partition keeps. 0: no limit; a flood of them then "
		 "fills Redis."},
	{CONSUMER("dead_letter_overflow", dead_letters, seg_dead_letters, SEG_CONFIG_CHOICE),
	 .value = "drop-oldest", .choices = seg_dead_letters_names,
	 .help = "At dead_letter_limit. drop-oldest: the oldest dead letters are dropped, and counted. stop: the "
		 "partition waits until `segctl dlq` has made room."},
	{CONSUMER("commit_interval", commit_interval, int64_t, SEG_CONFIG_DURATION), .value = "5ms",
	 .min = 0, .max = MIN,
	 .help = "The shortest time between two commits of a partition; a commit comes earlier once half of "
		 "the in-flight limit is handled. After many partitions have committed at once, the next "
		 "commits of the section wait 0.4 ms for each of them, if that is longer, but no more than "
		 "0.1 s because of that. After a crash, messages handled since the last commit are handled "
		 "again. 0: at once."},
	{CONSUMER("tick", tick, int64_t, SEG_CONFIG_DURATION), .value = "1s", .min = MS, .max = H,
	 .help = "The time between two calls of the plugin's tick, per partition."},
};
/* clang-format on */

const size_t seg_config_row_count = sizeof(seg_config_rows) / sizeof(seg_config_rows[0]);

_Static_assert(sizeof(seg_config_rows) / sizeof(seg_config_rows[0]) <= SEG_CONFIG_ROWS_MAX,
	       "raise SEG_CONFIG_ROWS_MAX");
_Static_assert(sizeof(seg_overflow) == sizeof(int) && sizeof(seg_codec) == sizeof(int) &&
		       sizeof(seg_packing) == sizeof(int) && sizeof(seg_dead_letters) == sizeof(int),
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
