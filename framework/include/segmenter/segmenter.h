/*
 * segmenter.h - ordered, partitioned streams over Redis, for C and C++.
 *
 * A client speaks to one Redis in one namespace. A stream has a fixed number of
 * partitions; a record's key picks one. Records of one key are read in the order
 * they were added, by one member of each group at a time.
 *
 *     producer side                      consumer side
 *     seg_client_open                    seg_client_open
 *     seg_stream_register                seg_consumer_open
 *     seg_stream_send, or                seg_consumer_poll
 *     seg_producer_open/_send/_flush     seg_consumer_commit, seg_consumer_release
 *
 * Errors: a function that can fail returns 0, or a negative seg_status and, where
 * `error` is not NULL, one sentence in error->text that says what failed, where,
 * and how to mend it. No function prints, exits, or changes signal handling.
 *
 * Options: fill an options struct with its _init function, then change what you
 * want. A NULL options pointer means all defaults, where a struct has no
 * required field.
 *
 * Strings are NUL-terminated UTF-8 unless a length stands beside them. Names (of
 * namespaces, streams, groups, members) are 1 to 128 of [A-Za-z0-9._-]; a member is not named "-".
 * Times are in the unit their name ends in. Pointers that are passed in need to
 * live until the call returns, unless it says otherwise.
 */
#ifndef SEGMENTER_SEGMENTER_H
#define SEGMENTER_SEGMENTER_H

#include <segmenter/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SEG_API __attribute__((visibility("default")))
#else
#define SEG_API
#endif

/* --- errors ------------------------------------------------------------- */

typedef enum seg_status {
	SEG_OK = 0,
	SEG_EINVAL = -1,       /* an argument is out of its range; nothing was done */
	SEG_ENOMEM = -2,       /* out of memory; nothing was done */
	SEG_ENOTFOUND = -3,    /* no such stream, group or partition */
	SEG_ESHAPE = -4,       /* the stream exists with another shape */
	SEG_EFULL = -5,        /* the partition (or the producer's buffer) is full; not added */
	SEG_ETOOBIG = -6,      /* over the size limit; not added */
	SEG_EUNREACHABLE = -7, /* no answer from Redis within the timeout; nothing was added */
	SEG_EUNKNOWN = -8,     /* the connection broke before the answer; it may have been added */
	SEG_EAUTH = -9,        /* wrong user or password, or a right is missing */
	SEG_ESERVER = -10,     /* Redis cannot serve here: too old, a replica, out of memory, ... */
	SEG_EFENCED = -11,     /* the partition belongs to a later epoch; the commit was refused */
	SEG_ECLOSED = -12,     /* the object was closed */
	SEG_EPROTOCOL = -13,   /* an answer that no Redis would give */
	SEG_ESYSTEM = -14,     /* the operating system refused (threads, descriptors) */
	SEG_ETIMEOUT = -15     /* not finished within the time given */
} seg_status;

#define SEG_ERROR_TEXT_MAX 512

typedef struct seg_error {
	int status;                    /* a seg_status */
	char text[SEG_ERROR_TEXT_MAX]; /* one sentence, no newline */
} seg_error;

/* "SEG_EFULL" for SEG_EFULL; "?" for what is none. Static text, any thread. */
SEG_API const char *seg_status_name(int status);

/* "1.0.0": the library's version. */
SEG_API const char *seg_version(void);

/* --- logging ------------------------------------------------------------ */

enum { SEG_LOG_DEBUG = 0, SEG_LOG_INFO = 1, SEG_LOG_WARNING = 2, SEG_LOG_ERROR = 3 };

/* One event, with what it is about. Pointers live until the callback returns. */
typedef struct seg_log_event {
	int level;
	const char *text;   /* one sentence, no newline, nothing secret */
	const char *stream; /* or NULL */
	const char *group;  /* or NULL */
	int64_t partition;  /* or -1 */
	uint64_t epoch;     /* or 0 */
} seg_log_event;

/* Called from any of the library's threads, several at once; must not block for long. */
typedef void (*seg_log_fn)(void *arg, const seg_log_event *event);

/* --- client ------------------------------------------------------------- */

typedef struct seg_client seg_client;

typedef struct seg_client_options {
	/*
	 * redis://[[user]:password@]host[:port][/database] or
	 * unix:///path[?db=N] (user and password as above: unix://user:password@/path).
	 * Special characters in user and password are %-encoded. "host:port" alone is
	 * taken too. Default redis://127.0.0.1:6379.
	 */
	const char *address;
	const char *name_space;      /* default "default" */
	uint32_t connect_timeout_ms; /* 1 to 600,000; default 5,000 */
	/*
	 * How long a blocking call tries, reconnecting as needed, before it fails.
	 * 1 to 3,600,000; default 10,000.
	 */
	uint32_t timeout_ms;
	uint64_t max_message_bytes; /* key + data + headers; 1 to 512 MiB; default 16 MiB */
	seg_log_fn log;             /* or NULL: silence */
	void *log_arg;
	/*
	 * 1: a server whose maxmemory-policy evicts keys, and may so lose messages and positions
	 * without a word, is only warned of; 0, the default: it is refused.
	 */
	uint32_t allow_eviction;
	/* Log in as; NULL: as the address says. Copied. A user without a password is SEG_EINVAL. */
	const char *user;
	const char *password;
} seg_client_options;

SEG_API void seg_client_options_init(seg_client_options *options);

/*
 * Connects, authenticates, and checks that the server is one this library can
 * rely on: a master, version 7.0 or later, that does not evict keys. What is
 * merely unwise (no persistence) is logged as a warning. The client may be used
 * from any thread; calls share one connection and wait for each other.
 */
SEG_API int seg_client_open(const seg_client_options *options, seg_client **client, seg_error *error);

/* Everything opened from the client must have been closed before. NULL is allowed. */
SEG_API void seg_client_close(seg_client *client);

/* --- streams ------------------------------------------------------------ */

typedef struct seg_stream seg_stream;

typedef enum seg_overflow {
	SEG_OVERFLOW_REJECT = 0,     /* a full partition refuses: SEG_EFULL */
	SEG_OVERFLOW_DROP_OLDEST = 1 /* it drops its oldest messages, read or not, and counts them */
} seg_overflow;

/*
 * Whether a batch of records becomes one entry of the log, which costs Redis far less, or one each, which other tools can
 * read. The handler's view, ids, order, bounds and guarantees are the same; but a batch that does not fit a partition is
 * refused as a whole.
 */
typedef enum seg_packing {
	SEG_PACKING_OFF = 0,
	SEG_PACKING_ON = 1,
	SEG_PACKING_LZ4 = 2 /* and compressed; SEG_ESERVER where the library was built without LZ4 */
} seg_packing;

typedef struct seg_stream_shape {
	uint32_t partitions;     /* 1 to 65,536 */
	uint64_t partition_size; /* messages, 1 to 2^40; what every group has committed is trimmed first */
	seg_overflow overflow;
	seg_packing packing;
} seg_stream_shape;

/*
 * Registers a stream, or finds it registered with the same shape; two first
 * registrations at once agree. A stream never changes its shape: with another one
 * the call fails with SEG_ESHAPE and a text that says both.
 */
SEG_API int seg_stream_register(seg_client *client, const char *name, const seg_stream_shape *shape,
				seg_stream **stream, seg_error *error);

/* Finds a registered stream; SEG_ENOTFOUND if there is none of that name. */
SEG_API int seg_stream_open(seg_client *client, const char *name, seg_stream **stream, seg_error *error);

SEG_API void seg_stream_close(seg_stream *stream);

SEG_API const char *seg_stream_name(const seg_stream *stream);
SEG_API const seg_stream_shape *seg_stream_get_shape(const seg_stream *stream);

/*
 * The partition a key goes to: FNV-1a, 32 bits (Fowler, Noll, Vo; offset basis
 * 2166136261, prime 16777619) of the key's bytes, modulo the partitions, which
 * must be at least 1. The same as the Go library's. Any thread.
 */
SEG_API uint32_t seg_partition_of(const void *key, size_t key_length, uint32_t partitions);

/* --- sending ------------------------------------------------------------ */

/* What is sent. Key and data may hold any bytes and be empty. */
typedef struct seg_record {
	const void *key;
	size_t key_length;
	const void *data;
	size_t data_length;
	/*
	 * At most 1,024; no name may be empty, or be "partitionKey" or "data".
	 * NULL if header_count is 0.
	 */
	const seg_header *headers;
	size_t header_count;
} seg_record;

/*
 * Adds one record and waits for the answer. After a lost connection it tries again
 * until the client's timeout; a record is not added twice by that. SEG_EUNKNOWN
 * says that the time ran out while it may have been added; after every other
 * error it was not. id may be NULL.
 */
SEG_API int seg_stream_send(seg_stream *stream, const seg_record *record, seg_id *id, seg_error *error);

typedef struct seg_send_result {
	int status; /* a seg_status */
	uint32_t partition;
	seg_id id; /* where status is SEG_OK */
} seg_send_result;

/*
 * Adds records, each partition's share in atomic steps, in the order given, and
 * waits for all answers. results[count] tells of each record; returns 0 if all were
 * added, else the status of the first that was not. When a partition gets full, the
 * first of its records are added and the rest refused.
 */
SEG_API int seg_stream_send_batch(seg_stream *stream, const seg_record *records, size_t count,
				  seg_send_result *results, seg_error *error);

/* --- the asynchronous producer -------------------------------------------- */

typedef struct seg_producer seg_producer;

typedef struct seg_delivery {
	int status; /* a seg_status, as for seg_stream_send */
	uint32_t partition;
	seg_id id;        /* where status is SEG_OK */
	void *opaque;     /* as given to seg_producer_send */
	const char *text; /* the error's sentence, or NULL; lives until the callback returns */
} seg_delivery;

/*
 * Tells what became of a record: exactly once for each that seg_producer_send took. Runs on
 * the producer's own thread; for records of one partition in the order they were sent.
 * It may call seg_producer_send only if when_blocked_ms is 0.
 */
typedef void (*seg_delivery_fn)(void *arg, const seg_delivery *delivery);

typedef enum seg_codec {
	SEG_CODEC_RAW = 0, /* the field `data` holds the data itself */
	/*
	 * The field `data` holds the Go library's JSON envelope, with the data in
	 * base64 and its metadata, which become headers.
	 */
	SEG_CODEC_SEGMENTER_GO = 1
} seg_codec;

typedef struct seg_producer_options {
	uint32_t linger_us; /* how long a batch waits for more; 0 to 60 s; default 1,000 */
	/* 1 to 4,096; 0, the default: 256, and for a packed stream 4,096 or an eighth of a partition */
	uint32_t batch_records;
	uint64_t batch_bytes; /* 1 KiB to 64 MiB; default 256 KiB */
	/*
	 * Held in all, sent or waiting: keys, data, headers and 64 bytes a record. 64 KiB to
	 * 64 GiB; default 32 MiB.
	 */
	uint64_t in_flight_bytes;
	/*
	 * How long seg_producer_send waits for room below in_flight_bytes before it
	 * fails with SEG_EFULL. 0: not at all; default 10,000.
	 */
	uint32_t when_blocked_ms;
	/*
	 * How long a record is tried before it fails: with SEG_EUNKNOWN if it may have been
	 * added, else with what stood in the way: SEG_EFULL, SEG_EUNREACHABLE, SEG_EAUTH, SEG_ESERVER.
	 * Longer than linger_us. 1 to 3,600,000; default 30,000.
	 */
	uint32_t delivery_timeout_ms;
	/*
	 * 1: a batch that meets a full partition waits for room until its delivery
	 * timeout (order is kept); 0, the default: it fails at once with SEG_EFULL.
	 */
	uint32_t wait_when_full;
	seg_codec codec;
	seg_delivery_fn delivery; /* or NULL */
	void *delivery_arg;
} seg_producer_options;

SEG_API void seg_producer_options_init(seg_producer_options *options);

/* Starts the producer's thread and connection. The stream must outlive it. */
SEG_API int seg_producer_open(seg_stream *stream, const seg_producer_options *options,
			      seg_producer **producer, seg_error *error);

/*
 * Takes a copy of the record and returns; its fate is told to the delivery callback.
 * Records of one key are added in the order of these calls, also across retries,
 * and never twice. Any thread. An error means that the record was not taken.
 */
SEG_API int seg_producer_send(seg_producer *producer, const seg_record *record, void *opaque,
			      seg_error *error);

/*
 * Sends what waits without lingering, and returns when the fate of all records taken before
 * the call is known, or with SEG_ETIMEOUT. Not from the delivery callback.
 */
SEG_API int seg_producer_flush(seg_producer *producer, uint32_t timeout_ms, seg_error *error);

/*
 * Flushes for up to timeout_ms, fails what is left (its callbacks run), and frees the
 * producer. Returns SEG_ETIMEOUT if anything was left. NULL is allowed.
 */
SEG_API int seg_producer_close(seg_producer *producer, uint32_t timeout_ms, seg_error *error);

/* --- the pull consumer ---------------------------------------------------- */

typedef struct seg_consumer seg_consumer;

typedef enum seg_start_kind {
	SEG_START_EARLIEST = 0,
	SEG_START_LATEST = 1,
	SEG_START_AFTER_ID = 2, /* the first message behind start.id */
	SEG_START_TIME = 3      /* the first message added at start.id.ms or later */
} seg_start_kind;

/* Where a group begins that does not exist yet. An existing one goes on at its position. */
typedef struct seg_start {
	seg_start_kind kind;
	seg_id id;
} seg_start;

/*
 * "earliest", "latest", an id ("1700000000000-0", or "1700000000000"), or a time
 * ("2026-11-23T13:00:00Z", with or without a fraction, Z or +hh:mm).
 */
SEG_API int seg_start_parse(const char *text, seg_start *start, seg_error *error);

typedef struct seg_consumer_options {
	const char *group;   /* required */
	const char *member;  /* this consumer's name in the group; default: host name, pid, random */
	uint32_t capacity;   /* its share relative to other members; 1 to 1,000; default 100 */
	uint32_t batch_size; /* messages a batch holds at most; 1 to 65,536; default 512 */
	/*
	 * Fetched and not yet released, per partition: a further read starts only below
	 * it. 4 KiB to 4 GiB; default 4 MiB. A single message may exceed it.
	 */
	uint64_t in_flight_bytes;
	/*
	 * Fetched and not yet committed, per partition: at most this many full batches. So much, at most, is
	 * delivered again after a crash. 2 to 64; default 4.
	 */
	uint32_t in_flight_batches;
	seg_start start; /* default SEG_START_EARLIEST */
	/*
	 * A member that Redis has not heard of for so long is dead, and its partitions
	 * go to others. 500 to 3,600,000; default 10,000.
	 */
	uint32_t session_timeout_ms;
	/*
	 * A batch that was polled and is not released for so long is taken back:
	 * its partition gets a new epoch and its messages are delivered again; a late commit
	 * fails with SEG_EFENCED. 0 (the default): never.
	 */
	uint32_t max_processing_ms;
	/*
	 * Shortest time between two commits of a partition, unless a quarter of what may be in flight is
	 * handled before. Default 2,000.
	 */
	uint32_t commit_interval_us;
	seg_codec codec;
} seg_consumer_options;

SEG_API void seg_consumer_options_init(seg_consumer_options *options);

/*
 * Joins the group (creating it where it does not exist) and starts the consumer's own I/O
 * thread, which heartbeats and fetches whether or not it is polled. Returns without
 * waiting for partitions to be assigned. The client must outlive it.
 */
SEG_API int seg_consumer_open(seg_client *client, const char *stream, const seg_consumer_options *options,
			      seg_consumer **consumer, seg_error *error);

/*
 * Waits up to timeout_ms for messages. Returns 1 and a batch, 0 when there are
 * none, or a negative status. The batch is the caller's until seg_consumer_release. While
 * a batch of a partition is held, no other one of that partition is returned, so order is
 * kept among threads too. Any thread.
 *
 * Messages that no codec can read (a required field is missing, say) are not returned: they are
 * dead-lettered with the reason, as in segrunner.
 */
SEG_API int seg_consumer_poll(seg_consumer *consumer, uint32_t timeout_ms, const seg_batch **batch,
			      seg_error *error);

/*
 * Marks the first `count` messages of the batch as handled. Their position is committed
 * in the background, newest first. May be called several times with rising counts; a smaller count
 * than before is SEG_EINVAL. SEG_EFENCED: the partition was given to another owner, who will see
 * what is not committed.
 */
SEG_API int seg_consumer_commit(seg_consumer *consumer, const seg_batch *batch, size_t count,
				seg_error *error);

/*
 * Gives a batch back. Messages of it that were not committed are delivered again, first, and before
 * any later message of the partition.
 */
SEG_API void seg_consumer_release(seg_consumer *consumer, const seg_batch *batch);

/*
 * Moves message `index` of the batch to the partition's dead letters with a reason, and
 * commits up to and including it, in one step; those before it count as handled. Waits for the answer.
 */
SEG_API int seg_consumer_dead_letter(seg_consumer *consumer, const seg_batch *batch, size_t index,
				     const char *reason, seg_error *error);

/*
 * Waits until all that was marked as handled is committed in Redis, also of partitions that are being handed over, or
 * SEG_ETIMEOUT. Of a partition that was lost nothing is waited for: its next owner sees what was not committed.
 */
SEG_API int seg_consumer_sync(seg_consumer *consumer, uint32_t timeout_ms, seg_error *error);

/*
 * Commits, gives up the partitions, leaves the group, and frees the consumer. Batches
 * still held become invalid. Returns within timeout_ms (or 100 ms), also when Redis is away: then SEG_ETIMEOUT, and the
 * partitions go to others when the session times out. A thread of it that is stuck in the resolver is waited for 2 s
 * more, and then left behind, with what it uses. NULL is allowed. No other call may be running.
 */
SEG_API int seg_consumer_close(seg_consumer *consumer, uint32_t timeout_ms, seg_error *error);

/* The member's name in the group; valid until close. */
SEG_API const char *seg_consumer_member(const seg_consumer *consumer);

/* --- looking -------------------------------------------------------------- */

typedef struct seg_partition_info {
	uint32_t partition;
	char owner[132];       /* the member that owns it, "" for none */
	char target[132];      /* the member that shall own it, "" for none */
	uint64_t epoch;        /* of the newest assignment; 0 if there was none */
	seg_id position;       /* the last id that the group has committed */
	seg_id last;           /* the last id that was ever added */
	uint64_t length;       /* entries in Redis, committed ones included */
	int64_t lag;           /* messages not yet committed; -1 where Redis cannot tell */
	uint64_t dead_letters; /* waiting in the partition's dead-letter stream */
	uint64_t dropped;      /* dropped unread by SEG_OVERFLOW_DROP_OLDEST, ever */
	/*
	 * Removed from the log before this group had read them, ever: dropped, or trimmed or deleted by hand. Noticed
	 * by its members, at the latest when they have caught up.
	 */
	uint64_t lost;
} seg_partition_info;

typedef struct seg_group_info {
	uint64_t generation; /* rises with every change of the assignment */
	uint32_t members;    /* with a valid lease */
	uint32_t partition_count;
	seg_partition_info *partitions;
} seg_group_info;

/*
 * A snapshot of a group: one consistent reading of the assignment, and one of each partition.
 * SEG_ENOTFOUND if the stream has no such group. Free with seg_group_info_free.
 */
SEG_API int seg_group_describe(seg_stream *stream, const char *group, seg_group_info **info,
			       seg_error *error);
SEG_API void seg_group_info_free(seg_group_info *info);

/* Writes "ms-seq" into text[SEG_ID_TEXT_MAX] and returns text. */
SEG_API char *seg_id_format(seg_id id, char *text);

/* Parses "ms-seq" or "ms" (then seq is 0). 0, or SEG_EINVAL. */
SEG_API int seg_id_parse(const char *text, seg_id *id);

/* -1, 0 or 1, as a is before, the same as, or behind b. */
SEG_API int seg_id_compare(seg_id a, seg_id b);

#ifdef __cplusplus
}
#endif

#endif
