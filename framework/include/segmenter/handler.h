/*
 * handler.h - the interface between segrunner and a handler plugin.
 *
 * A plugin is a shared object that exports one seg_handler through
 * SEG_HANDLER_EXPORT. segrunner loads it with dlopen, calls init once for each
 * [consumer] section that names it, and then, for each partition that this
 * runner comes to own:
 *
 *     partition_open -> handle, handle, tick, handle ... -> partition_close
 *
 * Threads: init and fini run on segrunner's main thread, before the first and
 * after the last partition. The four others run on the partition's own worker
 * thread: never two at once for one partition, but several partitions at once.
 * So what partition_open returns needs no lock, and what init returns, when
 * handlers write to it, does.
 *
 * Order and repetition: the messages of a partition arrive in the order of their
 * ids, each at least once. After a crash, or when a partition was taken from a
 * runner that stopped answering, messages since the last commit arrive again, in
 * the same order. batch->epoch tells an owner from its predecessor.
 *
 * Plugins are trusted code: they run inside segrunner's process and must not
 * throw C++ exceptions, call exit(), or change signal masks.
 *
 * A plugin includes this header and nothing else of segmenter, and links nothing.
 */
#ifndef SEGMENTER_HANDLER_H
#define SEGMENTER_HANDLER_H

#include <segmenter/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Raised when a plugin built against an older header can no longer be loaded.
 * What is added behind the last member of a struct does not raise it: both sides
 * state the size they were built with.
 */
#define SEG_HANDLER_ABI 1u

typedef enum seg_level { SEG_DEBUG = 0, SEG_INFO = 1, SEG_WARNING = 2, SEG_ERROR = 3 } seg_level;

/* A number that a plugin publishes. Add with seg_counter_add, from any thread. */
typedef struct seg_counter {
	uint64_t value;
} seg_counter;

/*
 * What the host offers a plugin: one per [consumer] section, valid from init to
 * the end of fini. Every function may be called from any thread.
 */
typedef struct seg_host seg_host;
struct seg_host {
	uint32_t size; /* sizeof(seg_host) of the host that loaded the plugin */
	uint32_t reserved;

	/* The [consumer] section this instance serves, for messages and file names. */
	const char *consumer;
	const char *stream;
	const char *group;
	const char *instance; /* this runner's name, unique in the group */

	/*
	 * The value of one of the plugin's own options, as declared in
	 * seg_handler.options and written as `option.NAME = value`: the text given, else the
	 * default, else NULL. Valid as long as the host is. Values were checked
	 * against the declared type already; the three below convert them.
	 */
	const char *(*option)(const seg_host *host, const char *name);
	int64_t (*option_integer)(const seg_host *host, const char *name);  /* also bytes ("64MiB") */
	int64_t (*option_duration)(const seg_host *host, const char *name); /* nanoseconds */
	int (*option_boolean)(const seg_host *host, const char *name);      /* 0 or 1 */

	/* Writes one line to segrunner's log, with the section's stream and group. */
	void (*log)(const seg_host *host, seg_level level, const char *format, ...)
#if defined(__GNUC__)
		__attribute__((format(printf, 3, 4)))
#endif
		;

	/*
	 * The counter of that name, made at the first call: `[a-z0-9_]`, at most 63
	 * bytes, in base units ("rows_total", "written_bytes_total"). Returns NULL
	 * for a bad name or past 64 counters. help is one sentence, copied.
	 */
	seg_counter *(*counter)(const seg_host *host, const char *name, const char *help);
};

/* Adds to a counter; NULL is allowed and does nothing. Any thread, never blocks. */
static inline void seg_counter_add(seg_counter *counter, uint64_t n)
{
	if (counter)
		__atomic_fetch_add(&counter->value, n, __ATOMIC_RELAXED);
}

/* What became of a batch. Make one with the functions below. */
typedef enum seg_outcome {
	SEG_OUTCOME_DONE = 0,
	SEG_OUTCOME_RETRY = 1,
	SEG_OUTCOME_DEAD_LETTER = 2,
	SEG_OUTCOME_STOP = 3
} seg_outcome;

typedef struct seg_answer {
	uint32_t outcome;   /* a seg_outcome */
	uint32_t index;     /* the message it speaks of; those before it are done */
	const char *reason; /* for people; the plugin's, valid until its next call for this partition */
} seg_answer;

/* Every message of the batch has taken effect; they will not be seen again. */
static inline seg_answer seg_done(void)
{
	seg_answer answer = {SEG_OUTCOME_DONE, 0, NULL};
	return answer;
}

/*
 * The messages before `index` are done; hand me message `index` and what follows
 * again, after a pause that grows with each attempt. When its attempts are used
 * up (`max_attempts`), the message is dead-lettered with the reason.
 */
static inline seg_answer seg_retry(size_t index, const char *reason)
{
	seg_answer answer = {SEG_OUTCOME_RETRY, (uint32_t)index, reason};
	return answer;
}

/*
 * The messages before `index` are done; message `index` never will be. It is
 * moved to the partition's dead letters, and the rest of the batch comes next.
 */
static inline seg_answer seg_dead_letter(size_t index, const char *reason)
{
	seg_answer answer = {SEG_OUTCOME_DEAD_LETTER, (uint32_t)index, reason};
	return answer;
}

/*
 * The messages before `index` are done; nothing can go on here (a disk is full,
 * say). The runner drains, gives up all its partitions and exits with 69.
 */
static inline seg_answer seg_stop(size_t index, const char *reason)
{
	seg_answer answer = {SEG_OUTCOME_STOP, (uint32_t)index, reason};
	return answer;
}

typedef enum seg_option_type {
	SEG_OPTION_TEXT = 0,
	SEG_OPTION_INTEGER = 1,  /* -5, 1000, 64KiB */
	SEG_OPTION_DURATION = 2, /* 500ms, 3s, 5min */
	SEG_OPTION_BOOLEAN = 3,  /* yes, no */
	SEG_OPTION_PATH = 4      /* a relative one is relative to the config file */
} seg_option_type;

typedef struct seg_option {
	const char *name;  /* `[a-z0-9_]`, as written behind `option.` in the section */
	uint32_t type;     /* a seg_option_type */
	uint32_t required; /* 1: a section without it is an error */
	const char *value; /* the default, or NULL */
	const char *help;  /* one sentence */
} seg_option;

/* Why a partition is closed. */
typedef enum seg_close_reason {
	SEG_CLOSE_RELEASED = 0, /* drained: all that was handled is committed or about to be */
	SEG_CLOSE_LOST = 1      /* another runner may own it already: flush nothing to shared stores */
} seg_close_reason;

typedef struct seg_handler {
	uint32_t abi;  /* SEG_HANDLER_ABI */
	uint32_t size; /* sizeof(seg_handler) */
	const char *name;
	const char *version;
	const char *help; /* one sentence: what it does with a message */

	/* The plugin's own options, ended by one whose name is NULL; or NULL for none. */
	const seg_option *options;

	/*
	 * Sets up what all partitions share, and stores it in *plugin. Returns 0, or
	 * -1 with one clear line in error[error_size]: segrunner then does not start.
	 * May be NULL. `segrunner --check` does not call it.
	 */
	int (*init)(const seg_host *host, void **plugin, char *error, size_t error_size);

	/*
	 * A partition was given to this runner; stores its state in *state. Returns
	 * 0, or -1 with one line in error: the partition is tried again after a
	 * pause that grows. May be NULL.
	 */
	int (*partition_open)(void *plugin, uint32_t partition, uint64_t epoch, void **state, char *error,
			      size_t error_size);

	/*
	 * Handles batch->count >= 1 messages, in order. The batch and all it points
	 * to are the host's, and valid until the call returns. Required.
	 */
	seg_answer (*handle)(void *plugin, void *state, const seg_batch *batch);

	/*
	 * Called about every `tick` (1 s unless configured) between batches, also
	 * when no messages come. Not while the lease is over: a tick may flush. May
	 * be NULL.
	 */
	void (*tick)(void *plugin, void *state);

	/* The partition leaves this runner; frees state. May be NULL. */
	void (*partition_close)(void *plugin, void *state, seg_close_reason reason);

	/* The last call. Frees plugin. May be NULL. */
	void (*fini)(void *plugin);
} seg_handler;

/* The one symbol that segrunner looks up. */
#define SEG_HANDLER_SYMBOL "seg_handler_entry"

#if defined(__GNUC__)
#define SEG_HANDLER_VISIBLE __attribute__((visibility("default")))
#else
#define SEG_HANDLER_VISIBLE
#endif

/*
 * Exports `handler`, a `static const seg_handler`, from the plugin. Once per shared
 * object, at file scope, followed by a semicolon.
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
