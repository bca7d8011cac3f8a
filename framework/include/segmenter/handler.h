/*
 * handler.h - the interface between segrunner and a handler plugin.
 *
 * A plugin is a shared object that exports one seg_handler with SEG_HANDLER_EXPORT. segrunner loads the plugin with dlopen
 * and calls init once for each [consumer] section that names the plugin. For each partition that the runner then owns,
 * segrunner calls:
 *
 *     partition_open -> handle, handle, tick, handle ... -> partition_close
 *
 * Threads: segrunner calls init and fini on its main thread, before the first and after the last partition. It calls the
 * other four functions on the partition's worker thread: one at a time for a partition, at the same time for different
 * partitions. So what partition_open stores needs no lock. What init stores needs a lock if handlers write to it.
 *
 * Leases: a runner owns its partitions only while its lease is valid, which heartbeats renew. segrunner calls
 * partition_open, handle and tick only while the lease is valid. If the lease expires, calls wait until Redis answers a
 * heartbeat, or until the partition is lost. The lease may expire during a call: segrunner does not interrupt the call.
 *
 * Order and repetition: the messages of a partition arrive in the order of their ids, each at least once. After a crash,
 * or after another runner has taken over a partition, the messages since the last commit arrive again, in the same order.
 * batch->epoch tells the current owner from earlier owners.
 *
 * Idle partitions: a runner may own thousands of partitions without messages, and a thread for each would cost memory. So a plugin
 * that has none of partition_open, tick and partition_close, or that allows it (SEG_HANDLER_LATE), gets a partition's thread with the
 * partition's first message. Any other plugin gets the thread, and the call of partition_open, as soon as the runner owns the partition.
 *
 * Trust: a plugin runs inside segrunner's process. It must not throw C++ exceptions out of these functions, call exit(), _exit() or
 * pthread_exit(), or change what belongs to the whole process: signal masks and handlers, the working directory, the umask, the locale,
 * descriptors that it has not opened. pthread_exit() ends the runner, and counts against the message as a crash does. After _exit(0),
 * nothing tells the end of the runner from a clean one. A crash in a thread of the plugin's own ends the runner, and the message that is
 * blamed for it may be an innocent one. A call that takes longer than handler_timeout ends the runner.
 *
 * A plugin needs no other header of segmenter, and links no library of segmenter. Texts are UTF-8 and end with a NUL,
 * except for keys, data and headers of messages.
 */
#ifndef SEGMENTER_HANDLER_H
#define SEGMENTER_HANDLER_H

#include <segmenter/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of this interface. segrunner refuses to load a plugin with another version. Members that are added at the end
 * of a struct do not change the version: each side states the size it was built with.
 */
#define SEG_HANDLER_ABI 1u

/* The severity of a log line. */
typedef enum seg_level { SEG_DEBUG = 0, SEG_INFO = 1, SEG_WARNING = 2, SEG_ERROR = 3 } seg_level;

/* A total that a plugin publishes as a metric. The host owns it. Change it only with seg_counter_add. */
typedef struct seg_counter {
	uint64_t value;
} seg_counter;

/*
 * What segrunner offers a plugin: one host for each [consumer] section, valid from init to the end of fini. segrunner owns
 * the host and its texts. Any thread may call the functions, with the host as the first argument.
 */
typedef struct seg_host seg_host;
struct seg_host {
	uint32_t size; /* sizeof(seg_host) in the segrunner that loaded the plugin */
	uint32_t reserved;

	/* The section: never NULL; for log lines and file names. */
	const char *consumer; /* NAME of [consumer NAME] */
	const char *stream;
	const char *group;
	const char *instance; /* this runner's name, unique in the group */

	/*
	 * The value of the option `name`, which seg_handler.options declares and the section sets with
	 * `option.NAME = value`: the section's text, else the default, else NULL. Valid as long as the host is. The value
	 * is valid for the option's type. NULL for an option that is not declared. A relative SEG_OPTION_PATH is returned
	 * with the directory of the config file before it.
	 */
	const char *(*option)(const seg_host *host, const char *name);

	/*
	 * The same value as a number; 0 if option() is NULL. Bytes for a size ("64MiB": 67108864); nanoseconds for a
	 * duration; 0 or 1 for a boolean.
	 */
	int64_t (*option_integer)(const seg_host *host, const char *name);
	int64_t (*option_duration)(const seg_host *host, const char *name);
	int (*option_boolean)(const seg_host *host, const char *name);

	/*
	 * Writes one line to segrunner's log, with the section's stream and group. `format` as for printf. Text beyond
	 * 1023 bytes is cut.
	 */
	void (*log)(const seg_host *host, seg_level level, const char *format, ...)
#if defined(__GNUC__)
		__attribute__((format(printf, 3, 4)))
#endif
		;

	/*
	 * The section's counter `name`. The first call with a name creates the counter, at 0. `name` has 1 to 63 of the
	 * characters a-z 0-9 _ and counts base units ("rows_total", "written_bytes_total"). `help` is one sentence. Both
	 * are copied. Returns NULL for an invalid name, when out of memory, or if the section has 64 counters already.
	 */
	seg_counter *(*counter)(const seg_host *host, const char *name, const char *help);

	/*
	 * The members from here on are missing in an older segrunner: ask SEG_HOST_HAS(host, outputs) before you read them, and
	 * before the first seg_emit or seg_state_...; for example in init, which can refuse to run.
	 */

	/* The streams of the section's `outputs`, in their order; the last entry is NULL. Never NULL itself. */
	const char *const *outputs;

	uint32_t
		parallel; /* the section's `parallel`: how many threads call handle at once for one partition; 1 to 256 */
};

/* Whether the segrunner that loaded the plugin has this member of seg_host. */
#define SEG_HOST_HAS(host, member) ((host)->size >= offsetof(seg_host, member) + sizeof((host)->member))

/* Adds n to the counter. Does nothing if counter is NULL. Any thread; never blocks. */
static inline void seg_counter_add(seg_counter *counter, uint64_t n)
{
	if (counter)
		__atomic_fetch_add(&counter->value, n, __ATOMIC_RELAXED);
}

/* What handle has done with a batch. */
typedef enum seg_outcome {
	SEG_OUTCOME_DONE = 0,
	SEG_OUTCOME_RETRY = 1,
	SEG_OUTCOME_DEAD_LETTER = 2,
	SEG_OUTCOME_STOP = 3
} seg_outcome;

/*
 * The answer of handle. Make it with one of the four functions below. segrunner treats an invalid answer (an unknown
 * outcome, an index outside the batch) as a retry of the first message.
 */
typedef struct seg_answer {
	uint32_t outcome; /* a seg_outcome */
	uint32_t index;   /* of a message in the batch, from 0; the messages before it are done */
	/*
	 * For people; NULL: no reason. The plugin owns it and keeps it valid until the next call for this partition.
	 * Log lines show the first 300 bytes.
	 */
	const char *reason;
} seg_answer;

/* All messages of the batch have taken effect. segrunner commits them. */
static inline seg_answer seg_done(void)
{
	seg_answer answer = {SEG_OUTCOME_DONE, 0, NULL};
	return answer;
}

/*
 * The messages before `index` are done; message `index` has failed but may succeed later. segrunner hands over message
 * `index` and the messages after it again, after a pause that doubles with each attempt (retry_backoff). After
 * max_attempts, segrunner moves the message to the dead letters with the reason. So it does with a message that has killed
 * max_attempts processes (two, if max_attempts is 1). index: 0 to count - 1.
 */
static inline seg_answer seg_retry(size_t index, const char *reason)
{
	seg_answer answer = {SEG_OUTCOME_RETRY, (uint32_t)index, reason};
	return answer;
}

/*
 * The messages before `index` are done; message `index` can never succeed. segrunner moves the message to the partition's
 * dead letters with the reason, and hands over the messages after it next. index: 0 to count - 1.
 */
static inline seg_answer seg_dead_letter(size_t index, const char *reason)
{
	seg_answer answer = {SEG_OUTCOME_DEAD_LETTER, (uint32_t)index, reason};
	return answer;
}

/*
 * The messages before `index` are done; the plugin cannot continue (a disk is full, for example). segrunner finishes the
 * batches in hand, releases all its partitions and exits with code 69. index: 0 to count; count: all messages are done.
 */
static inline seg_answer seg_stop(size_t index, const char *reason)
{
	seg_answer answer = {SEG_OUTCOME_STOP, (uint32_t)index, reason};
	return answer;
}

/*
 * Outputs and state.
 *
 * A call of handle can add records to other streams (seg_emit) and change values that segrunner keeps for the partition
 * (seg_state_...). Both belong to one message of the batch, `index`, and take effect only once that message is done: with its
 * position, each exactly once, whatever crashes. What belongs to a message that handle then answers with retry, dead letter or
 * stop is dropped, and so is what belongs to the messages after it. When the message is handled again, it can emit and change again.
 *
 * Call these functions only within handle, on its thread, with handle's batch. In one call of handle, `index` must not fall: a
 * message's outputs and changes come before those of the messages after it. segrunner copies what it is given. A record is a
 * seg_output, of <segmenter/message.h>.
 *
 * Functions that return a text return NULL if all is well; else one sentence that says what is wrong, ready for seg_retry or
 * seg_dead_letter; nothing has changed then. The text is valid until the next call for the partition.
 */

/* The longest name of a value, and the longest value, in bytes. */
#define SEG_STATE_NAME_MAX 512
#define SEG_STATE_VALUE_MAX 1048576

/* Called for a value, which is valid until it returns. It must not change values. Returns 0 to go on, else the walk ends. */
typedef int (*seg_state_visit)(void *arg, const void *name, size_t name_length, const void *value,
			       size_t value_length);

/* What seg_emit and seg_state_... call: segrunner's. Use the functions below. */
typedef struct seg_batch_calls {
	uint32_t size; /* sizeof(seg_batch_calls) in segrunner */
	uint32_t reserved;
	const char *(*emit)(const seg_batch *batch, size_t index, const seg_output *output);
	const void *(*state_get)(const seg_batch *batch, size_t index, const void *name, size_t name_length,
				 size_t *value_length);
	/* value NULL: deletes the value. */
	const char *(*state_put)(const seg_batch *batch, size_t index, const void *name, size_t name_length,
				 const void *value, size_t value_length);
	void (*state_each)(const seg_batch *batch, size_t index, seg_state_visit visit, void *arg);
} seg_batch_calls;

/*
 * Adds a record to a stream of the section's `outputs`, once message `index` is done. The records of one message are added in the
 * order of the calls; those of different messages with the same key, in the order of the messages. Where a message is handled
 * again after a crash, what it emitted before counts, and is not added twice. Refused: a stream that is not among the outputs; a
 * record that is too large for a send.
 */
static inline const char *seg_emit(const seg_batch *batch, size_t index, const seg_output *output)
{
	return batch->calls->emit(batch, index, output);
}

/*
 * The value of that name, as the calls before have left it; sets *value_length (may be NULL). NULL: there is none. The value belongs to
 * segrunner, and is valid until the next change of a value, or until handle returns. Names are the partition's; with `parallel`
 * above 1, they are those of the slot of message `index`: messages of one key always see the same values, and of another key
 * perhaps others.
 */
static inline const void *seg_state_get(const seg_batch *batch, size_t index, const void *name,
					size_t name_length, size_t *value_length)
{
	return batch->calls->state_get(batch, index, name, name_length, value_length);
}

/*
 * Gives the name a value. name: 1 to SEG_STATE_NAME_MAX bytes; value: 0 to SEG_STATE_VALUE_MAX bytes. Refused: beyond these, or
 * if the partition's names and values would exceed the section's `state_limit`.
 */
static inline const char *seg_state_put(const seg_batch *batch, size_t index, const void *name,
					size_t name_length, const void *value, size_t value_length)
{
	return batch->calls->state_put(batch, index, name, name_length, value ? value : "", value_length);
}

/* Deletes the value of that name, if there is one. */
static inline const char *seg_state_delete(const seg_batch *batch, size_t index, const void *name,
					   size_t name_length)
{
	return batch->calls->state_put(batch, index, name, name_length, NULL, 0);
}

/* Visits all values that seg_state_get can return for message `index`, in no particular order. */
static inline void seg_state_each(const seg_batch *batch, size_t index, seg_state_visit visit, void *arg)
{
	batch->calls->state_each(batch, index, visit, arg);
}

/* What values an option takes. segrunner refuses a config file with an invalid value. */
typedef enum seg_option_type {
	SEG_OPTION_TEXT = 0,
	SEG_OPTION_INTEGER = 1,  /* 64 bits, signed; sizes with a unit: -5, 1000, 64KiB */
	SEG_OPTION_DURATION = 2, /* 0 or more: 500ms, 3s, 5min */
	SEG_OPTION_BOOLEAN = 3,  /* yes, no */
	SEG_OPTION_PATH = 4      /* relative to the directory of the config file, or absolute */
} seg_option_type;

/*
 * Added to the type of an option whose value is a secret: segrunner never shows the value. An older segrunner refuses the type.
 *
 *     {"headers", SEG_OPTION_TEXT | SEG_OPTION_SECRET, 0, NULL, "Further headers."},
 *
 * Without it, segrunner hides what looks like a secret: options named password, secret, token and the like, and logins and
 * passwords in URLs and in connection strings; in all values, and in log lines, errors and reasons, too.
 */
#define SEG_OPTION_SECRET 0x100u

/*
 * Marks a SEG_OPTION_PATH as the file of a script or of settings that init reads: its content counts as part of the value, so
 * that SIGHUP starts the section anew if the file has changed.
 */
#define SEG_OPTION_CONTENT 0x200u

/* An option that the plugin declares. The plugin owns it, constant while the plugin is loaded. */
typedef struct seg_option {
	const char *name;  /* of a-z 0-9 _; the section writes it after `option.` */
	uint32_t type;     /* a seg_option_type, or one | SEG_OPTION_SECRET, | SEG_OPTION_CONTENT */
	uint32_t required; /* 1: a section without this option is an error; 0: the option may be left out */
	const char *value; /* the default, valid for the type; or NULL */
	const char *help;  /* one sentence; shown when a required option is missing */
} seg_option;

/* Why a partition is closed. */
typedef enum seg_close_reason {
	/* The runner still owns the partition, and commits what was handled: flush what is left. */
	SEG_CLOSE_RELEASED = 0,
	/* Another runner may own the partition already: flush nothing to stores that other runners use. */
	SEG_CLOSE_LOST = 1
} seg_close_reason;

/*
 * The plugin can handle messages of different keys of one partition at once (`parallel` above 1). Then a partition has several
 * threads, its lanes, and partition_open, handle, tick and partition_close are called for each lane, on the lane's thread: `state`
 * is the lane's, needs no lock, and sees only some of the partition's messages. A batch holds messages of several keys; a key's
 * messages are handled in order and never two at a time, but one after the other perhaps by different lanes. So what a key's
 * messages must find again belongs into seg_state_put or a store of the plugin's, and not into `state`. The messages of a batch
 * need not be consecutive, and messages with smaller ids may still be in other lanes: the id of a batch's last message is not a
 * position. After a crash, what the lanes had in hand is handled again, at most `parallel` x `batch_size` messages of a partition, and
 * what was done since the last commit that Redis has answered; not what is done and committed beyond the position. Without the flag,
 * segrunner refuses `parallel` above 1.
 */
#define SEG_HANDLER_PARALLEL 1u

/*
 * A partition's thread may be started with the partition's first message, and partition_open be called then: set it if partition_open
 * only makes what handle needs. A partition without messages is neither opened nor closed. Without the flag, partition_open is called as
 * soon as the runner owns the partition: if it fails, another runner gets the partition before messages wait. No effect on a plugin
 * with tick, which is called whether messages come or not. An older segrunner ignores the flag.
 */
#define SEG_HANDLER_LATE 2u

/* A plugin. The plugin owns it, constant while the plugin is loaded. */
typedef struct seg_handler {
	uint32_t abi;        /* SEG_HANDLER_ABI */
	uint32_t size;       /* sizeof(seg_handler) */
	const char *name;    /* for log lines, dead letters and metrics */
	const char *version; /* of the plugin; may be NULL */
	const char *help;    /* one sentence: what the plugin does with a message; may be NULL */

	/* The plugin's options; the last entry has the name NULL. NULL: no options. */
	const seg_option *options;

	/*
	 * Main thread. Sets up what all partitions of the section share, and stores it in *plugin (NULL before). The other
	 * functions get it as `plugin`. Returns 0; or -1 with one line in error[error_size]: then segrunner exits with code
	 * 69, without calling fini. `segrunner --check` does not call init, but check. May be NULL.
	 */
	int (*init)(const seg_host *host, void **plugin, char *error, size_t error_size);

	/*
	 * Worker thread. This runner now owns `partition` (0 to the stream's partitions - 1) under `epoch`, which is higher
	 * than the epoch of each earlier owner. Stores the partition's state in *state (NULL before); the three functions
	 * below get it as `state`. Returns 0; or -1 with one line in error[error_size]: then segrunner calls again after a
	 * pause of 100 ms that doubles up to 30 s, without calling partition_close. After 5 s of failures, the runner
	 * releases the partition, so that another runner serves it, and tries again later. With SEG_HANDLER_LATE, the first
	 * call may wait for the partition's first message. May be NULL.
	 */
	int (*partition_open)(void *plugin, uint32_t partition, uint64_t epoch, void **state, char *error,
			      size_t error_size);

	/*
	 * Worker thread. Handles batch->count messages, in order: 1 to the section's batch_size. segrunner owns the batch
	 * and all that the batch points to; they are valid until the call returns. Returns an answer. Required.
	 */
	seg_answer (*handle)(void *plugin, void *state, const seg_batch *batch);

	/*
	 * Worker thread. Called between batches about every `tick` of the section (1 s unless set), whether messages come
	 * or not. Not called while the lease is expired or once a stop was demanded, so a tick may flush. May be NULL.
	 */
	void (*tick)(void *plugin, void *state);

	/*
	 * Worker thread. The partition leaves this runner. Frees state. Called once after each partition_open that
	 * succeeded, unless the process ends first. With SEG_CLOSE_RELEASED the lease is valid when the call begins. May be
	 * NULL.
	 */
	void (*partition_close)(void *plugin, void *state, seg_close_reason reason);

	/* Main thread. The last call for the section, after an init that succeeded. Frees plugin. May be NULL. */
	void (*fini)(void *plugin);

	/*
	 * Says whether init would accept the section's options, as far as that can be told without doing anything: it opens
	 * no connection and changes no file. segrunner calls it before init, for `--check`, and before a reload (SIGHUP)
	 * stops anything: on one thread, which need not be the main thread. Of the host, it may use consumer, stream, group,
	 * instance, the options, outputs and parallel. Returns 0; or -1 with one line in error[error_size]: then the configuration is wrong. A line
	 * that begins with "option.NAME" is reported with the file and line of that option. May be NULL.
	 */
	int (*check)(const seg_host *host, char *error, size_t error_size);

	/* What the plugin can do: SEG_HANDLER_... flags, or 0. */
	uint32_t flags;
	uint32_t reserved; /* 0 */
} seg_handler;

/* The symbol that segrunner looks up in the shared object. */
#define SEG_HANDLER_SYMBOL "seg_handler_entry"

#if defined(__GNUC__)
#define SEG_HANDLER_VISIBLE __attribute__((visibility("default")))
#else
#define SEG_HANDLER_VISIBLE
#endif

/*
 * Exports `handler`, a `static const seg_handler`, from the shared object. Use it once in each shared object, at file scope,
 * with a semicolon.
 */
#ifdef __cplusplus
#define SEG_HANDLER_EXPORT(handler)                                                \
	extern "C" SEG_HANDLER_VISIBLE const seg_handler *seg_handler_entry(void); \
	extern "C" SEG_HANDLER_VISIBLE const seg_handler *seg_handler_entry(void)  \
	{                                                                          \
		return &(handler);                                                 \
	}                                                                          \
	static_assert(sizeof(handler) == sizeof(seg_handler), "a seg_handler")
#else
#define SEG_HANDLER_EXPORT(handler)                                     \
	SEG_HANDLER_VISIBLE const seg_handler *seg_handler_entry(void); \
	SEG_HANDLER_VISIBLE const seg_handler *seg_handler_entry(void)  \
	{                                                               \
		return &(handler);                                      \
	}                                                               \
	_Static_assert(sizeof(handler) == sizeof(seg_handler), "a seg_handler")
#endif

#ifdef __cplusplus
}
#endif

#endif
