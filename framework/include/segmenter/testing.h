/*
 * testing.h - tests a handler without Redis and without segrunner.
 *
 * Build a test from the plugin's source and a file that includes this header. SEG_HANDLER_EXPORT in the plugin defines
 * seg_handler_entry().
 *
 *     seg_test t;
 *     if (seg_test_start(&t, seg_handler_entry(), "max_bytes=3", (char *)NULL))
 *             fail_msg("%s", t.error);
 *     seg_answer answer = seg_test_send(&t, "key", "data");
 *     assert_int_equal(answer.outcome, SEG_OUTCOME_DEAD_LETTER);
 *     seg_test_stop(&t);
 *
 * A seg_test behaves as segrunner does towards one partition of one section: options have their declared defaults,
 * init comes before partition_open, and partition_close before fini. The test sees each answer: a seg_test retries,
 * dead-letters and commits nothing. Differences to segrunner: an option's value is not checked against its type, and a
 * counter's name is not checked.
 *
 * To use seg_assert_done and the other assertions, include <cmocka.h> before this header.
 *
 * Threads: all functions of a seg_test are called by one thread. Nothing to link. Memory: a seg_test needs some 40 KiB;
 * it owns the host, the options' values and the counters, and frees nothing of the plugin's.
 */
#ifndef SEGMENTER_TESTING_H
#define SEGMENTER_TESTING_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <segmenter/handler.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most that a seg_test holds. Further options and counters are ignored; longer texts are cut. */
#define SEG_TEST_OPTIONS_MAX 64
#define SEG_TEST_COUNTERS_MAX 64
#define SEG_TEST_TEXT_MAX 256  /* bytes of an option's value, its NUL included */
#define SEG_TEST_LOG_MAX 16384 /* bytes of all log lines together, with a NUL */

typedef struct seg_test {
	seg_host host; /* first: a pointer to the host is a pointer to the test */
	const seg_handler *handler;
	void *plugin; /* what init stored */
	void *state;  /* what partition_open stored */

	/* A test may set these three between its calls. */
	uint32_t partition; /* for the next seg_test_open; 3 at first */
	uint64_t epoch;     /* for the next seg_test_open; 7 at first, and 1 more after each seg_test_open */
	uint32_t attempt;   /* of the first message of the next batch; 1 at first */

	seg_id last;                                          /* id of the newest seg_test_message */
	int started, opened;                                  /* 1: fini, partition_close is due */
	char error[SEG_TEST_TEXT_MAX * 2];                    /* why seg_test_start or seg_test_open failed */
	char values[SEG_TEST_OPTIONS_MAX][SEG_TEST_TEXT_MAX]; /* in the order of the declared options */
	int given[SEG_TEST_OPTIONS_MAX];                      /* 1: the option has a value */
	char counter_names[SEG_TEST_COUNTERS_MAX][SEG_TEST_TEXT_MAX / 4];
	seg_counter counters[SEG_TEST_COUNTERS_MAX];
	size_t counter_count;
	char log[SEG_TEST_LOG_MAX]; /* the lines that the plugin has logged, each with a newline */
} seg_test;

/* --- the host, for the plugin ------------------------------------------------------- */

/* The index of the declared option `name`, or -1. */
static inline int seg_test_find_option(const seg_test *t, const char *name)
{
	int i;
	for (i = 0; t->handler->options && t->handler->options[i].name && i < SEG_TEST_OPTIONS_MAX; i++)
		if (strcmp(t->handler->options[i].name, name) == 0)
			return i;
	return -1;
}

static inline const char *seg_test_option(const seg_host *host, const char *name)
{
	const seg_test *t = (const seg_test *)(const void *)host;
	int i = seg_test_find_option(t, name);
	return i >= 0 && t->given[i] ? t->values[i] : NULL;
}

/* The number at the start of text, times the factor of the unit after it. `units` ends with NULL. 0 if text is NULL. */
static inline int64_t seg_test_quantity(const char *text, const char *const *units, const double *factors)
{
	char digits[SEG_TEST_TEXT_MAX];
	size_t used = 0;
	int i;
	if (!text)
		return 0;
	for (; *text && (strchr("0123456789._+-", *text)); text++)
		if (*text != '_')
			digits[used++] = *text;
	digits[used] = '\0';
	while (*text == ' ')
		text++;
	if (!*text)
		return strtoll(digits, NULL, 10);
	for (i = 0; units[i]; i++)
		if (strcmp(units[i], text) == 0)
			return (int64_t)(strtod(digits, NULL) * factors[i]);
	return 0;
}

static inline int64_t seg_test_option_integer(const seg_host *host, const char *name)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "KB", "MB", "GB", "TB", NULL};
	static const double factors[] = {1, 1024, 1048576, 1073741824, 1099511627776.0, 1e3, 1e6, 1e9, 1e12};
	return seg_test_quantity(seg_test_option(host, name), units, factors);
}

static inline int64_t seg_test_option_duration(const seg_host *host, const char *name)
{
	static const char *const units[] = {"ns", "us", "ms", "s", "min", "h", "d", NULL};
	static const double factors[] = {1, 1e3, 1e6, 1e9, 60e9, 3600e9, 86400e9};
	return seg_test_quantity(seg_test_option(host, name), units, factors);
}

static inline int seg_test_option_boolean(const seg_host *host, const char *name)
{
	const char *text = seg_test_option(host, name);
	return text && (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "on") == 0 ||
			strcmp(text, "1") == 0);
}

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static inline void
seg_test_write_log(const seg_host *host, seg_level level, const char *format, ...)
{
	seg_test *t = (seg_test *)(uintptr_t)host;
	size_t used = strlen(t->log);
	va_list args;
	(void)level;
	va_start(args, format);
	vsnprintf(t->log + used, sizeof(t->log) - used, format, args);
	va_end(args);
	used = strlen(t->log);
	if (used + 1 < sizeof(t->log))
		memcpy(t->log + used, "\n", 2);
}

static inline seg_counter *seg_test_make_counter(const seg_host *host, const char *name, const char *help)
{
	seg_test *t = (seg_test *)(uintptr_t)host;
	size_t i;
	(void)help;
	for (i = 0; i < t->counter_count; i++)
		if (strcmp(t->counter_names[i], name) == 0)
			return &t->counters[i];
	if (i == SEG_TEST_COUNTERS_MAX)
		return NULL;
	snprintf(t->counter_names[i], sizeof(t->counter_names[i]), "%s", name);
	t->counter_count++;
	return &t->counters[i];
}

/* --- the test: open and close ------------------------------------------------------------------ */

/* Writes "what: why" into error. Returns -1. */
static inline int seg_test_fail(seg_test *t, const char *what, const char *why)
{
	char text[SEG_TEST_TEXT_MAX];
	snprintf(text, sizeof(text), "%s", why);
	snprintf(t->error, sizeof(t->error), "%s: %s", what, text);
	return -1;
}

/*
 * Calls partition_open, for a test that has closed the partition: seg_test_start has opened it once. Returns 0, or -1 with
 * the plugin's reason in t->error.
 */
static inline int seg_test_open(seg_test *t)
{
	char why[SEG_TEST_TEXT_MAX] = "";
	t->state = NULL;
	if (t->handler->partition_open &&
	    t->handler->partition_open(t->plugin, t->partition, t->epoch, &t->state, why, sizeof(why)) != 0)
		return seg_test_fail(t, "partition_open", why);
	t->epoch++;
	t->opened = 1;
	return 0;
}

/* Calls partition_close, if the partition is open. */
static inline void seg_test_close(seg_test *t, seg_close_reason reason)
{
	if (t->opened && t->handler->partition_close)
		t->handler->partition_close(t->plugin, t->state, reason);
	t->opened = 0;
}

/* Takes the defaults, then the given values. 0, or -1 with t->error. */
static inline int seg_test_take_options(seg_test *t, va_list args)
{
	const char *text;
	int i;
	for (i = 0; t->handler->options && t->handler->options[i].name && i < SEG_TEST_OPTIONS_MAX; i++) {
		if (!t->handler->options[i].value)
			continue;
		snprintf(t->values[i], sizeof(t->values[i]), "%s", t->handler->options[i].value);
		t->given[i] = 1;
	}
	while ((text = va_arg(args, const char *))) {
		const char *equals = strchr(text, '=');
		char name[SEG_TEST_TEXT_MAX];
		snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - text) : 0, text);
		i = seg_test_find_option(t, name);
		if (i < 0)
			return seg_test_fail(t, text,
					     "the plugin has no such option, or it is not NAME=VALUE");
		snprintf(t->values[i], sizeof(t->values[i]), "%s", equals + 1);
		t->given[i] = 1;
	}
	for (i = 0; t->handler->options && t->handler->options[i].name && i < SEG_TEST_OPTIONS_MAX; i++)
		if (t->handler->options[i].required && !t->given[i])
			return seg_test_fail(t, t->handler->options[i].name, "this option is required");
	return 0;
}

/*
 * Initialises t, calls init and opens the partition. The arguments after handler are options, each "NAME=VALUE", and end
 * with (char *)NULL. Returns 0, or -1 with the reason in t->error. Call seg_test_stop in both cases.
 */
static inline int seg_test_start(seg_test *t, const seg_handler *handler, ...)
{
	char why[SEG_TEST_TEXT_MAX] = "";
	va_list args;
	int status;
	memset(t, 0, sizeof(*t));
	t->handler = handler;
	t->partition = 3;
	t->epoch = 7;
	t->attempt = 1;
	t->last.ms = 1000;
	t->host.size = (uint32_t)sizeof(t->host);
	t->host.consumer = "test";
	t->host.stream = "test";
	t->host.group = "test";
	t->host.instance = "test";
	t->host.option = seg_test_option;
	t->host.option_integer = seg_test_option_integer;
	t->host.option_duration = seg_test_option_duration;
	t->host.option_boolean = seg_test_option_boolean;
	t->host.log = seg_test_write_log;
	t->host.counter = seg_test_make_counter;
	va_start(args, handler);
	status = seg_test_take_options(t, args);
	va_end(args);
	if (status)
		return status;
	if (handler->init && handler->init(&t->host, &t->plugin, why, sizeof(why)) != 0)
		return seg_test_fail(t, "init", why);
	t->started = 1;
	return seg_test_open(t);
}

/* Closes the partition as released if it is open, and calls fini if init has succeeded. */
static inline void seg_test_stop(seg_test *t)
{
	seg_test_close(t, SEG_CLOSE_RELEASED);
	if (t->started && t->handler->fini)
		t->handler->fini(t->plugin);
	t->started = 0;
}

/* --- the test: messages ------------------------------------------------------------- */

/*
 * Hands a batch of count >= 1 messages to handle, and returns its answer. Borrows the messages for the call. Ids must rise,
 * as those of seg_test_message do.
 */
static inline seg_answer seg_test_handle(seg_test *t, const seg_message *messages, size_t count)
{
	seg_batch batch;
	batch.messages = messages;
	batch.count = count;
	batch.partition = t->partition;
	batch.attempt = t->attempt;
	batch.epoch = t->epoch - 1; /* seg_test_open has counted it up */
	return t->handler->handle(t->plugin, t->state, &batch);
}

/* Makes a message with the next id and without headers. Key and data end with a NUL and must outlive the message. */
static inline seg_message seg_test_message(seg_test *t, const char *key, const char *data)
{
	seg_message message;
	memset(&message, 0, sizeof(message));
	t->last.seq++;
	message.id = t->last;
	message.key = key;
	message.key_length = strlen(key);
	message.data = data;
	message.data_length = strlen(data);
	return message;
}

/* Makes a message, hands it to handle in a batch of its own, and returns the answer. */
static inline seg_answer seg_test_send(seg_test *t, const char *key, const char *data)
{
	seg_message message = seg_test_message(t, key, data);
	return seg_test_handle(t, &message, 1);
}

/* Calls tick, if the plugin has one. The partition must be open. */
static inline void seg_test_tick(seg_test *t)
{
	if (t->handler->tick)
		t->handler->tick(t->plugin, t->state);
}

/* The value of the plugin's counter `name`; 0 if the plugin has not made it. */
static inline uint64_t seg_test_counter(const seg_test *t, const char *name)
{
	size_t i;
	for (i = 0; i < t->counter_count; i++)
		if (strcmp(t->counter_names[i], name) == 0)
			return t->counters[i].value;
	return 0;
}

/* --- with cmocka ---------------------------------------------------------------------- */

/* Whether the answer has this outcome and index (any index if "done"), and a reason that contains `reason` (NULL: any). */
static inline int seg_test_is(seg_answer answer, seg_outcome outcome, size_t index, const char *reason)
{
	if (answer.outcome != (uint32_t)outcome || (outcome != SEG_OUTCOME_DONE && answer.index != index))
		return 0;
	return !reason || (answer.reason && strstr(answer.reason, reason));
}

/* Each fails the test, and shows the answer, unless the answer is as expected. `text` is a part of its reason, or NULL. */
#define seg_assert_answer(answer, expected, at, text)                                             \
	do {                                                                                      \
		seg_answer seg_got = (answer);                                                    \
		if (!seg_test_is(seg_got, expected, at, text))                                    \
			fail_msg("the answer is outcome %u at message %u: %s", seg_got.outcome,   \
				 seg_got.index, seg_got.reason ? seg_got.reason : "(no reason)"); \
	} while (0)

#define seg_assert_done(answer) seg_assert_answer(answer, SEG_OUTCOME_DONE, 0, NULL)
#define seg_assert_retry(answer, at, text) seg_assert_answer(answer, SEG_OUTCOME_RETRY, at, text)
#define seg_assert_dead_letter(answer, at, text) seg_assert_answer(answer, SEG_OUTCOME_DEAD_LETTER, at, text)
#define seg_assert_stop(answer, at, text) seg_assert_answer(answer, SEG_OUTCOME_STOP, at, text)

#ifdef __cplusplus
}
#endif

#endif
