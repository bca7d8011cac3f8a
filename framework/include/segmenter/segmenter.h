/*
 * segmenter.h - ordered, partitioned streams over Redis, for C and C++.
 *
 * A client connects to one Redis server and works in one namespace. A stream has a fixed number of
 * partitions. A record's key selects the partition. Records with the same key are read in the order in which
 * they were added, and at any time one member of a group reads them.
 *
 *     producer side                      consumer side
 *     seg_client_open                    seg_client_open
 *     seg_stream_register                seg_consumer_open
 *     seg_stream_send, or                seg_consumer_poll
 *     seg_producer_open/_send/_flush     seg_consumer_commit, seg_consumer_release
 *
 * Errors: a function that can fail returns 0, or a negative seg_status. If `error` is not NULL, a function
 * that fails writes one sentence into error->text: what failed, where, and how to fix it. Any function that
 * allocates can fail with SEG_ENOMEM. No function prints, exits, or changes signal handling.
 *
 * Options: call the _init function of an options struct, which sets the defaults, then change the fields you
 * need. NULL in place of the options means all defaults, where the struct has no required field.
 *
 * Strings are NUL-terminated UTF-8 unless a length accompanies them. Names of namespaces, streams, groups and
 * members have 1 to 128 characters of A-Z a-z 0-9 . _ -; a member cannot be named "-". The end of a field's
 * name gives its unit: _ms milliseconds, _us microseconds, _bytes bytes.
 *
 * Ownership: the library copies what it needs. A pointer that you pass must stay valid until the call
 * returns, unless the function's comment says otherwise.
 *
 * Threads: any thread may call any function, unless its comment restricts this. Begin no call on an object
 * once the call that closes it has begun.
 *
 * Processes: what was opened before fork() stays the parent's. In the child, each call on it that would use a
 * connection or wait returns SEG_EFORKED at once; closing it does nothing: the child's copy of the memory and
 * the descriptors goes with the child, and the parent's connections are untouched. The child opens a client of
 * its own. All descriptors are closed by exec().
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

/* A seg_status other than SEG_OK is negative. A comment with "nothing was added" is about sending. */
typedef enum seg_status {
	SEG_OK = 0,
	SEG_EINVAL = -1,       /* an argument is invalid or out of range; nothing was done */
	SEG_ENOMEM = -2,       /* out of memory; nothing was done */
	SEG_ENOTFOUND = -3,    /* the stream, group or partition does not exist */
	SEG_ESHAPE = -4,       /* the stream exists with another shape */
	SEG_EFULL = -5,        /* the partition or the producer's buffer is full; nothing was added */
	SEG_ETOOBIG = -6,      /* the record exceeds a size limit; nothing was added */
	SEG_EUNREACHABLE = -7, /* Redis did not answer within the timeout; nothing was added */
	SEG_EUNKNOWN = -8,     /* Redis did not confirm the record; it may have been added */
	SEG_EAUTH = -9,        /* a login, a permission or a certificate was refused, by either side */
	SEG_ESERVER = -10,     /* Redis cannot serve the request: too old, a replica, out of memory, ... */
	SEG_EFENCED = -11,     /* another owner has the partition by now; the commit was refused */
	SEG_ECLOSED = -12,     /* the object was closed */
	SEG_EPROTOCOL = -13,   /* the server sent an answer that no Redis sends */
	SEG_ESYSTEM = -14,     /* the operating system refused a thread or a descriptor */
	SEG_ETIMEOUT = -15,    /* the time given ran out first */
	SEG_EFORKED = -16,     /* the object was opened before fork(), by the parent; nothing was done */
	SEG_ETAKEN = -17       /* another member of the group, which is alive, has this name */
} seg_status;

/* Size of an error's text in bytes, NUL included. A longer sentence is cut. */
#define SEG_ERROR_TEXT_MAX 512

typedef struct seg_error {
	int status;                    /* a seg_status */
	char text[SEG_ERROR_TEXT_MAX]; /* one sentence without control characters, NUL-terminated */
} seg_error;

/* The name of a status, "SEG_EFULL" for SEG_EFULL; "?" for an unknown one. Static text. Any thread. */
SEG_API const char *seg_status_name(int status);

/* The library's version, such as "1.0.0". Static text. Any thread. */
SEG_API const char *seg_version(void);

/* --- logging ------------------------------------------------------------ */

enum { SEG_LOG_DEBUG = 0, SEG_LOG_INFO = 1, SEG_LOG_WARNING = 2, SEG_LOG_ERROR = 3 };

/* One event, with the things it is about. All pointers are valid until the callback returns. */
typedef struct seg_log_event {
	int level;          /* SEG_LOG_... */
	const char *text;   /* one sentence without control characters; nothing secret */
	const char *stream; /* the stream's name, or NULL */
	const char *group;  /* the group's name, or NULL */
	int64_t partition;  /* the partition's number, or -1 */
	uint64_t epoch;     /* the partition's epoch, or 0 */
} seg_log_event;

/*
 * Receives log events. The library calls it from any of its threads and from yours, several at the same time.
 * It must not block: an I/O thread that waits for it does not renew its leases.
 */
typedef void (*seg_log_fn)(void *arg, const seg_log_event *event);

/* --- client ------------------------------------------------------------- */

typedef struct seg_client seg_client;

typedef struct seg_client_options {
	/*
	 * One of:
	 *
	 *     redis://[[user]:password@]host[:port][,host[:port]...][/database]
	 *     redis+sentinel://[[user]:password@]host[:port][,host[:port]...]/master[/database]
	 *     unix://[[user]:password@]/path[?db=database]
	 *
	 * The first and the second with TLS: rediss:// and rediss+sentinel://. Up to 64 hosts; ports are 1 to 65,535,
	 * by default 6379, and 26379 for Sentinels; databases 0 to 1,000,000. In user, password and path, write
	 * special characters %-encoded. "host:port" without a scheme is accepted.
	 *
	 * Of several servers, the library uses the one that is the master; after a failover it looks for the new
	 * one. If a server is a node of a Redis Cluster, the library learns the other nodes from it; the database is
	 * then 0. With redis+sentinel, the hosts are Sentinels, and `master` is the name by which they know the
	 * master; the login is the master's. A thread of the client keeps a connection to one of the Sentinels.
	 *
	 * Default redis://127.0.0.1:6379, also for NULL.
	 */
	const char *address;
	const char *name_space; /* prefix of all keys; default "default", also for NULL */
	/* Time for one attempt to resolve the host, connect and log in. 1 to 600,000; default 5,000. */
	uint32_t connect_timeout_ms;
	/*
	 * Time after which a blocking call fails; until then it reconnects and tries again. It includes the
	 * transfer: on a slow link, a large message needs a longer one, or a producer. 1 to 3,600,000; default
	 * 10,000.
	 */
	uint32_t timeout_ms;
	/*
	 * Limit for key, data and headers of a record together. 1 byte to 512 MiB, the longest text of Redis;
	 * default 16 MiB.
	 */
	uint64_t max_message_bytes;
	seg_log_fn log; /* or NULL: no log */
	void *log_arg;  /* passed to log; must stay valid until seg_client_close returns */
	/*
	 * What to do if the server's maxmemory-policy evicts keys, and so can lose messages and positions
	 * without notice. 0 (default): refuse the server with SEG_ESERVER. 1: log a warning.
	 */
	uint32_t allow_eviction;
	/*
	 * Login that replaces the address's; all NULL, with password_file: the address's. A user without a
	 * password is SEG_EINVAL.
	 */
	const char *user;
	const char *password;
	/*
	 * A send is acknowledged, and a group's commit, dead letter or release of a partition counts, when so
	 * many replicas have it, so that a failover to one of these keeps it. 0 to 16; default 0: when the
	 * master has it. The library asks with WAIT after each round of writes; where a cluster redirects a
	 * write to another node, that node's replicas are asked.
	 *
	 * If too few replicas confirm within a quarter of timeout_ms (a producer: a sixth of
	 * delivery_timeout_ms, 0.5 to 5 s), the send fails with SEG_EUNKNOWN, although the master has the
	 * record. Commits and dead letters that too few replicas confirm are repeated, and the log says so once;
	 * meanwhile seg_consumer_sync and seg_consumer_dead_letter end with SEG_ETIMEOUT.
	 *
	 * A Redis that refuses WAIT: seg_client_open returns SEG_EAUTH (the user may not call WAIT) or SEG_ESERVER
	 * (there is no WAIT). If the right is taken away later, it is as if too few replicas confirmed, and the
	 * error or the log names the right.
	 */
	uint32_t ack_replicas;
	/*
	 * TLS, for a rediss:// address; with another address, SEG_EINVAL if one of these is set. TLS 1.2 or later.
	 * All files are PEM, and are read at each connect: exchange them at any time. seg_client_open also reads
	 * them once; if one cannot be used, it returns SEG_EINVAL.
	 *
	 * The certificates of the authorities that are trusted: in one file, in a directory with the names that
	 * `openssl rehash` makes, or both. Both NULL: those that the system trusts.
	 */
	const char *tls_ca_file;
	const char *tls_ca_directory;
	/*
	 * The client's certificate, with the chain behind it, and its private key, without a passphrase. Both or
	 * none.
	 */
	const char *tls_cert_file;
	const char *tls_key_file;
	/*
	 * The name or IP address that the server's certificate must be for, and, if it is a name, the one sent as
	 * SNI. NULL: the host of the address.
	 */
	const char *tls_server_name;
	/*
	 * 1 (default): the server's certificate must be valid, for that name, and of a trusted authority. 0: any
	 * certificate will do, so anyone on the way can read and change everything, and learns the password.
	 */
	uint32_t tls_verify;
	/*
	 * File that contains only the password, in one line of up to 4,096 bytes. The library reads it at each
	 * connect, so a new password needs no new client: a login that Redis accepted before is tried again
	 * for a minute after it is refused. Not together with `password`.
	 */
	const char *password_file;
	/* Login at the Sentinels, as user and password_file; both NULL: none. A user needs the file. */
	const char *sentinel_user;
	const char *sentinel_password_file;
	/*
	 * How hard zstd tries when this client sends to a stream with SEG_PACKING_ZSTD, with a producer or without, or its consumers
	 * emit to one. A higher level makes some entries smaller, and each costs more CPU and memory; readers do not need to know it. It
	 * changes nothing on other streams. 1 to 22; 0 (default): 1.
	 */
	uint32_t packing_level;
} seg_client_options;

/* Sets the defaults. The texts that you put in are borrowed, and only until seg_client_open returns. */
SEG_API void seg_client_options_init(seg_client_options *options);

/*
 * Connects, logs in, and checks the server: it must be a master of version 7.0 or later that, where maxmemory is set, does not evict
 * keys. Risks, such as missing persistence, are logged as warnings.
 *
 * All blocking calls of the client share one connection, one call at a time; a call waits for the others
 * within its own timeout. Producers and consumers have connections of their own.
 *
 * Takes up to timeout_ms. Stores the client in *client, NULL after an error: SEG_EINVAL, SEG_EUNREACHABLE,
 * SEG_EAUTH, SEG_ESERVER, SEG_EPROTOCOL, SEG_ESYSTEM, or SEG_ENOTFOUND if the Sentinels do not know the master.
 * Close the client with seg_client_close.
 */
SEG_API int seg_client_open(const seg_client_options *options, seg_client **client, seg_error *error);

/*
 * Disconnects and frees the client. Close everything that was opened from it first. NULL is allowed. Does not
 * block.
 */
SEG_API void seg_client_close(seg_client *client);

/* --- streams ------------------------------------------------------------ */

typedef struct seg_stream seg_stream;

/*
 * What a full partition does. A partition is full when it holds partition_size messages, and some group has
 * not committed the oldest.
 */
typedef enum seg_overflow {
	SEG_OVERFLOW_REJECT = 0,     /* refuses new messages: SEG_EFULL */
	SEG_OVERFLOW_DROP_OLDEST = 1 /* drops its oldest messages, read or not, and counts them */
} seg_overflow;

/*
 * Whether Redis stores each record as an entry of its own, which other tools can read, or a batch of records
 * as one entry, which costs Redis far less time and memory. Ids, order, limits and guarantees are the same.
 * One difference: a packed batch that does not fit into its partition is refused as a whole.
 */
typedef enum seg_packing {
	SEG_PACKING_OFF = 0, /* an entry for each record */
	SEG_PACKING_ON = 1,  /* an entry for each batch */
	SEG_PACKING_LZ4 = 2, /* the same, compressed; SEG_ESERVER if the library was built without LZ4 */
	SEG_PACKING_ZSTD = 3 /* compressed to less, for more CPU; SEG_ESERVER if it was built without zstd */
} seg_packing;

/* The properties of a stream that never change. */
typedef struct seg_stream_shape {
	uint32_t partitions; /* 1 to 65,536; limits how many members of a group share the work */
	/* Messages per partition, 1 to 2^40. Messages that every group has committed are trimmed first. */
	uint64_t partition_size;
	seg_overflow overflow;
	seg_packing packing;
} seg_stream_shape;

/*
 * Registers a stream, or opens it if it is registered with the same shape. If two programs register it at the
 * same time with different shapes, the first one succeeds.
 *
 * Takes up to the client's timeout_ms. Stores the stream in *stream, NULL after an error: SEG_EINVAL,
 * SEG_ESHAPE with both shapes in the text, SEG_ESERVER if the stream needs a newer library, LZ4 or zstd,
 * SEG_EPROTOCOL if its key in Redis holds something else, SEG_EUNREACHABLE or SEG_EAUTH. Close the stream
 * before the client.
 */
SEG_API int seg_stream_register(seg_client *client, const char *name, const seg_stream_shape *shape,
				seg_stream **stream, seg_error *error);

/*
 * Opens a registered stream, with the shape it has. As seg_stream_register; SEG_ENOTFOUND if it is not
 * registered.
 */
SEG_API int seg_stream_open(seg_client *client, const char *name, seg_stream **stream, seg_error *error);

/* Frees the stream; the stream in Redis stays. Close its producers first. NULL is allowed. Does not block. */
SEG_API void seg_stream_close(seg_stream *stream);

/* The stream's name and shape; valid until seg_stream_close. */
SEG_API const char *seg_stream_name(const seg_stream *stream);
SEG_API const seg_stream_shape *seg_stream_get_shape(const seg_stream *stream);

/*
 * The partition of a key, 0 to partitions - 1: the FNV-1a hash of the key's bytes, 32 bits (Fowler, Noll, Vo;
 * offset basis 2166136261, prime 16777619), modulo `partitions`, which must be at least 1. The Go library
 * computes the same. Pure. Any thread.
 */
SEG_API uint32_t seg_partition_of(const void *key, size_t key_length, uint32_t partitions);

/* --- sending ------------------------------------------------------------ */

/*
 * If Redis has lost the stream's registration (FLUSHALL, a restart without data), a send or a producer registers the stream
 * again within 2 s, with the shape that it has opened. If the stream was deleted and made anew with
 * another shape, nothing is changed, and records get SEG_ESHAPE, with both shapes in the text: open the stream again. A send looks at
 * the shape every 2 s, and while it goes on: the first send after a pause may still get 0 for a partition that nobody reads any more. So
 * stop what sends before you delete a stream.
 */

/*
 * A record to send. Key and data can hold any bytes and can be empty. A pointer whose length is 0 may be
 * NULL.
 */
typedef struct seg_record {
	const void *key;
	size_t key_length; /* bytes */
	const void *data;
	size_t data_length; /* bytes */
	/*
	 * Further fields. A header's name cannot be empty, "partitionKey" or "data": the record's own fields
	 * have these.
	 */
	const seg_header *headers;
	size_t header_count; /* 0 to 1,024 */
} seg_record;

/*
 * Adds one record and waits for Redis's answer. After a lost connection it reconnects and sends again, until
 * the client's timeout_ms; Redis recognises a repetition, so the record is never added twice.
 *
 * On success, stores the record's id in *id if id is not NULL. SEG_EUNKNOWN: the record may have been added.
 * After any other error it was not: SEG_EINVAL, SEG_ETOOBIG, SEG_EFULL, SEG_ESHAPE, SEG_EUNREACHABLE, SEG_EAUTH or
 * SEG_ESERVER.
 */
SEG_API int seg_stream_send(seg_stream *stream, const seg_record *record, seg_id *id, seg_error *error);

typedef struct seg_send_result {
	int status;         /* a seg_status, as seg_stream_send returns it */
	uint32_t partition; /* the partition of the record's key */
	seg_id id;          /* valid if status is SEG_OK */
} seg_send_result;

/*
 * Adds `count` records and waits for all answers, up to the client's timeout_ms. Records of one partition are
 * added in the order of the array, in atomic steps of up to 256 records or 1 MiB; partitions are independent
 * of each other. If a partition becomes full, the first of its records are added and the others refused; with
 * packing, each step is added or refused as a whole.
 *
 * Writes the outcome of records[i] to results[i], which has room for `count`. Returns 0 if all were added,
 * else the status of the first that was not. If a record is invalid or too big, nothing is sent.
 */
SEG_API int seg_stream_send_batch(seg_stream *stream, const seg_record *records, size_t count,
				  seg_send_result *results, seg_error *error);

/* --- the asynchronous producer -------------------------------------------- */

/* Collects records into batches and sends them on a thread of its own. */
typedef struct seg_producer seg_producer;

/* The outcome of one record. */
typedef struct seg_delivery {
	int status; /* as seg_stream_send returns it, or SEG_ECLOSED: the producer was closed first */
	uint32_t partition;
	seg_id id;        /* valid if status is SEG_OK */
	void *opaque;     /* the pointer that seg_producer_send was given */
	const char *text; /* the error's sentence, NULL on success; valid until the callback returns */
} seg_delivery;

/*
 * Receives the outcome of each record that seg_producer_send accepted, exactly once. It runs on the
 * producer's thread; for records of one partition, in the order in which they were sent. While it runs,
 * nothing is sent. It may call seg_producer_send, which does not wait for room on this thread; it must not
 * flush or close the producer.
 */
typedef void (*seg_delivery_fn)(void *arg, const seg_delivery *delivery);

/* What the field `data` of an entry holds. */
typedef enum seg_codec {
	SEG_CODEC_RAW = 0, /* the data itself */
	/*
	 * The Go library's JSON envelope: the data in base64, the key, and metadata, which are the headers.
	 * Key and headers must be UTF-8, and each header's name unique; else SEG_EINVAL.
	 */
	SEG_CODEC_SEGMENTER_GO = 1
} seg_codec;

typedef struct seg_producer_options {
	/*
	 * How long a batch waits for more records before it is sent. 0 to 60,000,000; default 1,000. With 0 a batch waits only while
	 * an earlier one of its partition is under way, at most 5 ms; and where the producer's thread sleeps, the thread that sends
	 * writes the batch itself, without blocking: one switch of threads less. Not with TLS.
	 */
	uint32_t linger_us;
	/*
	 * Records per batch at most. 1 to 4,096. 0 (default): 256, or for a packed stream an eighth of a
	 * partition, at most 4,096: Redis refuses a packed batch as a whole.
	 */
	uint32_t batch_records;
	/*
	 * Size of a batch at most: a larger record gets a batch of its own. 1 KiB to 64 MiB; default 256 KiB. A batch of a packed
	 * stream is one entry: keep it below the entry_limit of its consumers.
	 */
	uint64_t batch_bytes;
	/*
	 * Limit for all records that wait or are being sent, each with 64 bytes added. 64 KiB to 64 GiB;
	 * default 32 MiB. A partition has up to 32 batches in flight, in order; the limit must hold what is sent
	 * during a round trip.
	 */
	uint64_t in_flight_bytes;
	/*
	 * How long seg_producer_send waits for room below in_flight_bytes before it fails with SEG_EFULL. 0
	 * (does not wait) to 3,600,000; default 10,000.
	 */
	uint32_t when_blocked_ms;
	/*
	 * How long a record is tried after seg_producer_send accepted it, the transfer included. Then it fails
	 * with SEG_EUNKNOWN if it may have been added, else with the obstacle: SEG_EFULL, SEG_EUNREACHABLE,
	 * SEG_EAUTH, SEG_ESERVER, or SEG_ENOMEM if this program lacks memory. A connection on which the bytes still move is not broken
	 * before. 1 to 3,600,000, longer than linger_us; default 30,000.
	 */
	uint32_t delivery_timeout_ms;
	/*
	 * What a batch does that meets a full partition. 0 (default): fail at once with SEG_EFULL. 1: wait
	 * for room until delivery_timeout_ms; the partition's order is kept.
	 */
	uint32_t wait_when_full;
	seg_codec codec; /* default SEG_CODEC_RAW */
	/* Or NULL: failures are logged, at the 1st, 2nd, 4th, 8th, ... failed batch. */
	seg_delivery_fn delivery;
	void *delivery_arg; /* passed to delivery; must stay valid until seg_producer_close returns */
} seg_producer_options;

/* Sets the defaults. */
SEG_API void seg_producer_options_init(seg_producer_options *options);

/*
 * Starts the producer's thread, which connects in the background. Does not wait for Redis. Stores the
 * producer in *producer, NULL after an error: SEG_EINVAL or SEG_ESYSTEM. Close the producer before the
 * stream.
 */
SEG_API int seg_producer_open(seg_stream *stream, const seg_producer_options *options,
			      seg_producer **producer, seg_error *error);

/*
 * Accepts a copy of the record and returns; the delivery callback gets its outcome, together with `opaque`.
 * Records of one key are added in the order of these calls, also when they are sent again, and never twice.
 * Any thread.
 *
 * Waits up to when_blocked_ms for room. After an error the record was not accepted: SEG_EINVAL, SEG_ETOOBIG,
 * SEG_EFULL, or SEG_ECLOSED if another thread began to close the producer while the call waited.
 */
SEG_API int seg_producer_send(seg_producer *producer, const seg_record *record, void *opaque,
			      seg_error *error);

/*
 * Sends all waiting records without lingering. Returns 0 as soon as every record that was accepted before the
 * call has its outcome, good or bad; SEG_ETIMEOUT if that takes longer than timeout_ms. Any thread but the
 * producer's own: a delivery callback gets SEG_EINVAL.
 */
SEG_API int seg_producer_flush(seg_producer *producer, uint32_t timeout_ms, seg_error *error);

/*
 * Flushes for up to timeout_ms, then gives up the remaining records, whose callbacks run before the call
 * returns, and frees the producer. Returns 0, or SEG_ETIMEOUT if records were given up. Waits for a delivery
 * callback that is running. NULL is allowed. Any thread but the producer's own: a delivery callback gets SEG_EINVAL, and the producer
 * stays open.
 */
SEG_API int seg_producer_close(seg_producer *producer, uint32_t timeout_ms, seg_error *error);

/* --- the pull consumer ---------------------------------------------------- */

/* A member of a group that hands out batches when it is polled. */
typedef struct seg_consumer seg_consumer;

typedef enum seg_start_kind {
	SEG_START_EARLIEST = 0, /* with the oldest message there is */
	SEG_START_LATEST = 1,   /* with the first message added from now on */
	/* With the next two, a place behind the newest message counts as SEG_START_LATEST. */
	SEG_START_AFTER_ID = 2, /* with the first message behind start.id */
	SEG_START_TIME = 3      /* with the first message added at start.id.ms or later */
} seg_start_kind;

/* Where a new group begins. A group that exists resumes from its committed position. */
typedef struct seg_start {
	seg_start_kind kind;
	seg_id id; /* for SEG_START_AFTER_ID; of SEG_START_TIME, ms */
} seg_start;

/*
 * Parses a start: "earliest", "latest", an id ("1700000000000-0" or "1700000000000"), or a time as RFC 3339
 * writes it ("2026-11-23T13:00:00Z", fraction optional, Z or +hh:mm, from 1970 on). 0, or SEG_EINVAL with
 * *start unchanged. Pure.
 */
SEG_API int seg_start_parse(const char *text, seg_start *start, seg_error *error);

/* What happens when a partition has as many dead letters of the group as dead_letter_limit allows. */
typedef enum seg_dead_letters {
	SEG_DEAD_LETTERS_DROP_OLDEST = 0, /* the oldest go, and are counted */
	SEG_DEAD_LETTERS_STOP = 1 /* the group waits in this partition until `segctl dlq` has made room */
} seg_dead_letters;

typedef struct seg_consumer_options {
	/* Required. Where handlers of segrunner keep values (seg_state_put), partitions that have some are not served by a consumer. */
	const char *group;
	/*
	 * The consumer's name in the group. NULL (default): host name, process id and random digits. While another
	 * consumer with this name is alive, the newcomer fails with SEG_ETAKEN when it is polled. A former process's
	 * name is free once it has shown no life for somewhat more than half of its lease.
	 */
	const char *member;
	/* Share of the partitions, relative to the capacity of other members. 1 to 1,000; default 100. */
	uint32_t capacity;
	uint32_t batch_size; /* messages per batch at most. 1 to 65,536; default 512 */
	/*
	 * Limit, per partition, for messages that were fetched and not yet released: the consumer fetches
	 * more only below it. 4 KiB to 4 GiB; default 4 MiB. One fetch, or one large message, can exceed it.
	 */
	uint64_t in_flight_bytes;
	/*
	 * Limit, per partition, for messages that were fetched and not yet committed, in full batches. At
	 * most so many messages are delivered again after a crash. 2 to 64. 0 (default): 4 batches; while
	 * Redis is 1 ms away or more, as many messages as the round trips need, up to 65,536.
	 */
	uint32_t in_flight_batches;
	seg_start start; /* default SEG_START_EARLIEST */
	/*
	 * A member from which Redis gets no heartbeat for this long is dead: its partitions go to other
	 * members. 500 to 3,600,000; default 10,000.
	 */
	uint32_t session_timeout_ms;
	/*
	 * A batch that is held longer than this is taken back: its partition gets a new epoch, its messages
	 * are delivered again, and a late commit fails with SEG_EFENCED. 0 (default): no limit.
	 */
	uint32_t max_processing_ms;
	/*
	 * Shortest time between two commits of a partition. A commit comes earlier once half of the
	 * messages that may be in flight is handled. After many partitions have committed at once, the next
	 * commits of the consumer wait 0.4 ms for each of them, if that is longer, but no more than 0.1 s
	 * because of that; not while seg_consumer_sync waits. 0: at once. 0 to 60,000,000; default 5,000.
	 */
	uint32_t commit_interval_us;
	seg_codec codec; /* default SEG_CODEC_RAW */
	/*
	 * The most memory, in bytes, that one entry of the log may need: one message, or all that are packed in it, unpacked. A
	 * larger one becomes a dead letter, and is not read into memory. 64 KiB to 4 GiB; default 64 MiB.
	 */
	uint64_t entry_limit;
	/*
	 * How many dead letters of the group a partition keeps, so that a flood of them does not fill Redis.
	 * 0 (any number) to 2^40; default 100,000.
	 */
	uint64_t dead_letter_limit;
	seg_dead_letters dead_letters; /* at that limit; default SEG_DEAD_LETTERS_DROP_OLDEST */
	/*
	 * The streams to which seg_consumer_emit may add records: names, and NULL at the end. They are registered,
	 * are not named twice, and none is the stream that the consumer reads, or feeds it through other groups.
	 * NULL (default): none.
	 */
	const char *const *outputs;
	/*
	 * How many batches of one partition callers may hold at once. 1 to 256; default 1. Above 1, no two of them have messages of the same
	 * slot, of which a partition has 1,024 and each key belongs to one: a key's messages stay in order and are never with two callers.
	 * The messages of a batch rise in their ids, but need not be consecutive. Batches may be committed and released in any order; what is
	 * done beyond the position is kept with the commit, and the next owner passes over it. While one batch is held for long, the others go on
	 * as far as in_flight_batches and in_flight_bytes allow. A batch is a share of what waits, a `parallel`-th of it, and of slow messages what
	 * takes 100 ms: poll with as many threads for each partition as you set here.
	 */
	uint32_t parallel;
	/*
	 * With `parallel` above 1: how many messages are read beyond the position while a message holds it up; then the partition waits for that
	 * message, and `segctl why` names it. 1,000 to 10,000,000; default 100,000.
	 */
	uint64_t beyond_limit;
} seg_consumer_options;

/* Sets the defaults. `group` stays NULL. */
SEG_API void seg_consumer_options_init(seg_consumer_options *options);

/*
 * Joins a group of a registered stream, creates the group if it does not exist, and starts the consumer's I/O
 * thread, which sends heartbeats and fetches whether or not the consumer is polled. Does not wait for
 * the answer to the join, nor for partitions: SEG_ETAKEN, for a name that a living member has, comes from seg_consumer_poll. If both have
 * begun at the same moment, either of the two may get it.
 *
 * Takes up to the client's timeout_ms. Stores the consumer in *consumer, NULL after an error: SEG_EINVAL, SEG_ENOTFOUND if the
 * stream is not registered, SEG_EUNREACHABLE, SEG_EAUTH, SEG_ESERVER or SEG_ESYSTEM. Close the consumer
 * before the client.
 */
SEG_API int seg_consumer_open(seg_client *client, const char *stream, const seg_consumer_options *options,
			      seg_consumer **consumer, seg_error *error);

/*
 * Waits up to timeout_ms for messages. Returns 1 and a batch in *batch, 0 if no message came, or a negative
 * status if the consumer has failed for good, such as SEG_EAUTH once Redis has refused the login for a minute, or
 * SEG_ETAKEN: each later poll returns it at once.
 *
 * A right that is missing, such as that to XREAD, is no failure for good: the library logs it, and the consumer goes on once the right is
 * granted. If for session_timeout_ms Redis has refused all heartbeats, all claims, the reads of all partitions, or the commits of all
 * partitions, a poll to which no message came returns SEG_EAUTH (a right is missing) or SEG_ESERVER (anything else, such as a key of
 * another type) instead of 0, and the text names the right or quotes Redis. Poll again to wait for it, or end the program. While Redis is away, fails over, or has no memory, polls return 0.
 *
 * The batch is yours until seg_consumer_release. While you hold it, no thread gets another batch of its
 * partition, so the order holds across threads; with `parallel` above 1, none with messages of the same slots. Any thread; several may
 * poll at the same time.
 *
 * Messages that cannot be read (a required field is missing, the codec refuses the data) are not returned:
 * they become dead letters with the reason, as in segrunner.
 */
SEG_API int seg_consumer_poll(seg_consumer *consumer, uint32_t timeout_ms, const seg_batch **batch,
			      seg_error *error);

/*
 * Adds a record to a stream of the consumer's `outputs` once message `index` of the batch is committed: exactly once for that message,
 * whatever crashes, and before the position is. What was emitted for messages that are not committed when the batch is released, or
 * taken back, is dropped, as is what was emitted for a message that becomes a dead letter. The record is copied.
 *
 * Call it before seg_consumer_commit covers the message, in the order of the messages: `index` must not fall. Several calls for one
 * message add several records, in the order of the calls. Records of different messages with the same key are added in the order of the
 * messages. A message that is delivered again should emit the same again: what was added before is then not added twice. Any thread, but
 * one at a time for a batch.
 *
 * A full stream holds up the position: seg_consumer_sync waits, and `segctl why` names the stream. Up to in_flight_bytes of outputs wait in
 * the consumer for each partition. Beyond, polls return no further batch of the partition, and this call waits for room, for up to
 * the client's timeout_ms.
 *
 * On an error nothing was emitted. SEG_EINVAL: no such message, it is committed already, a later one has emitted, or a stream that is not
 * among the outputs. SEG_ETOOBIG: as a send; or the records of one message exceed in_flight_bytes, or 4 MiB if that is more. SEG_EFULL: those
 * of all messages of the batch that are not committed do; commit some first. SEG_ETIMEOUT: there was no room in time; call again to wait
 * longer. SEG_EFENCED: another member owns the partition by now.
 */
SEG_API int seg_consumer_emit(seg_consumer *consumer, const seg_batch *batch, size_t index,
			      const seg_output *output, seg_error *error);

/*
 * Marks the first `count` messages of the batch as handled. Returns at once: the I/O thread commits the
 * newest position in the background (seg_consumer_sync waits for it), after it has added what was emitted for these messages. May be
 * called several times with rising counts.
 *
 * SEG_EINVAL: `count` is larger than the batch, or smaller than before, or goes beyond a message whose dead letter has no answer yet
 * (seg_consumer_dead_letter). SEG_ENOMEM: nothing was marked; call again. SEG_EFENCED: another member owns the partition by now and gets
 * the messages that are not committed.
 */
SEG_API int seg_consumer_commit(seg_consumer *consumer, const seg_batch *batch, size_t count,
				seg_error *error);

/*
 * Gives a batch back; do not use it afterwards. Messages that are not marked as handled are delivered again,
 * before any later message of the partition; with `parallel` above 1, before any later message of their slot, and the first of them
 * alone, after a pause of 10 ms that doubles each time, up to 1 s. Does not block.
 */
SEG_API void seg_consumer_release(seg_consumer *consumer, const seg_batch *batch);

/*
 * Moves message `index` of the batch to the partition's dead letters, with a reason, and commits the position
 * up to and including it, in one step; the messages before it count as handled, whatever the call returns after it has asked Redis.
 * With `parallel` above 1, the position stays before messages that are not done, and the dead letters of a partition are written one after
 * the other.
 * The letter's attempts are the batch's `attempt`; with `parallel` above 1, those of a message behind the first one are 1. The letter has
 * no key and no data if the stream is not packed, and the message is not in the log any more: SEG_OVERFLOW_DROP_OLDEST has dropped it, say.
 * `reason` is copied. Waits for Redis's answer, for up to the client's timeout_ms.
 *
 * SEG_ETIMEOUT: Redis has not answered yet, outputs of the messages before it wait, or the dead letters are at their limit with SEG_DEAD_LETTERS_STOP;
 * the message may still become a dead letter: call again with the same index to wait longer; the first reason stays. SEG_EINVAL: no such message, no reason or an empty one, already marked as handled, or
 * another message of the batch is still waiting for its answer. SEG_EFENCED: as seg_consumer_commit. Any
 * other error: the consumer is stopping while Redis does not answer, and nothing was dead-lettered.
 */
SEG_API int seg_consumer_dead_letter(seg_consumer *consumer, const seg_batch *batch, size_t index,
				     const char *reason, seg_error *error);

/*
 * Waits until Redis has committed every message that was marked as handled, with its outputs, including those of partitions
 * that are being handed over. 0, or SEG_ETIMEOUT after timeout_ms. It does not wait for a partition that was
 * lost: the next owner gets its uncommitted messages.
 */
SEG_API int seg_consumer_sync(seg_consumer *consumer, uint32_t timeout_ms, seg_error *error);

/*
 * Commits, hands the partitions over, leaves the group, and frees the consumer. Batches that are still held
 * become invalid. NULL is allowed. No other call may be running.
 *
 * Outputs of committed messages are waited for, within timeout_ms and for at most half a session_timeout_ms (1 s to 5 s). If some could
 * not be added, the call returns SEG_ETIMEOUT, and the next owner gets their messages again, adding nothing twice.
 *
 * Returns within timeout_ms, or 100 ms if that is longer, also if Redis does not answer: then, as the last part of that time is for an
 * end without Redis (100 ms, at most half of it), with
 * SEG_ETIMEOUT, and the other members get the partitions when the session times out. If the consumer's thread
 * is stuck (in the log callback, say), the call waits 2 s more, then leaves the thread and its memory behind.
 */
SEG_API int seg_consumer_close(seg_consumer *consumer, uint32_t timeout_ms, seg_error *error);

/* The member's name in the group; valid until seg_consumer_close. */
SEG_API const char *seg_consumer_member(const seg_consumer *consumer);

/* --- looking -------------------------------------------------------------- */

/* A partition as a group sees it. */
typedef struct seg_partition_info {
	uint32_t partition;
	char owner[132];       /* the member that owns it; "": none */
	char target[132];      /* the member it is assigned to; "": none */
	uint64_t epoch;        /* of the newest assignment; 0: never assigned */
	seg_id position;       /* the last id that the group has committed */
	seg_id last;           /* the last id that was added, ever */
	uint64_t length;       /* entries in Redis, including committed ones */
	int64_t lag;           /* messages that the group has not committed; -1: Redis does not know */
	uint64_t dead_letters; /* messages in the partition's dead-letter stream */
	uint64_t dropped;      /* messages that SEG_OVERFLOW_DROP_OLDEST has dropped unread, ever */
	/*
	 * Messages that were removed before this group read them, ever: dropped, or trimmed or deleted by
	 * hand. Members count them when they meet the gap, at the latest when they have caught up.
	 */
	uint64_t lost;
} seg_partition_info;

typedef struct seg_group_info {
	uint64_t generation; /* rises with every change of the assignment */
	uint32_t members;    /* members with a valid lease */
	uint32_t partition_count;
	seg_partition_info *partitions; /* partitions[i] is partition i */
} seg_group_info;

/*
 * Describes a group. The assignment is one consistent reading, and so is each partition; between them, the
 * group may change.
 *
 * Takes up to the client's timeout_ms. Stores the description in *info; free it with seg_group_info_free.
 * SEG_ENOTFOUND if the stream has no such group, else as seg_stream_open.
 */
SEG_API int seg_group_describe(seg_stream *stream, const char *group, seg_group_info **info,
			       seg_error *error);

/* Frees a description. NULL is allowed. */
SEG_API void seg_group_info_free(seg_group_info *info);

/* Writes "ms-seq" into text, which has room for SEG_ID_TEXT_MAX bytes, and returns text. Pure. Any thread. */
SEG_API char *seg_id_format(seg_id id, char *text);

/* Parses "ms-seq", or "ms" (seq is then 0). 0, or SEG_EINVAL with *id unchanged. Pure. Any thread. */
SEG_API int seg_id_parse(const char *text, seg_id *id);

/* -1 if a comes before b, 0 if they are equal, 1 if a comes after b. Pure. Any thread. */
SEG_API int seg_id_compare(seg_id a, seg_id b);

#ifdef __cplusplus
}
#endif

#endif
