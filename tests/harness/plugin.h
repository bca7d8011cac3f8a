/*
 * plugin.h - a handler plugin as a [consumer] section has it, loaded as segrunner loads it and fed by hand.
 *
 * The section's stream is "words", its group "g", its name "mine"; the partition is number 3. Failing to load
 * fails the test. Where a test has threads, each uses a partition of its own.
 */
#ifndef TEST_HARNESS_PLUGIN_H
#define TEST_HARNESS_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/handler.h>

enum { TEST_PARTITION = 3 };

typedef struct test_plugin test_plugin;

/* Whether the build has it; says that it is skipped where not, for its library is missing. */
bool test_plugin_is_built(const char *name);

/* For tests that load plugins themselves: has them tried by the build's segrunner, since a test is none. */
void test_plugin_probe_by_build(void);

/* Loads it with the options "name=value", up to a NULL, and calls init. */
test_plugin *test_plugin_start(const char *name, const char *const *options);

/* The same, where init must refuse with a line that has this text. */
void test_plugin_refuses(const char *name, const char *const *options, const char *text);

/* Calls fini and unloads. */
void test_plugin_stop(test_plugin *plugin);

/* Opens the partition; _try_ gives NULL where the plugin refuses, for the reason in error[512]. */
void *test_plugin_open(test_plugin *plugin, uint64_t epoch);
void *test_plugin_try_open(test_plugin *plugin, uint64_t epoch, char *error);
void test_plugin_close(test_plugin *plugin, void *state);
void test_plugin_tick(test_plugin *plugin, void *state);

/* A message with id 1000-n, without headers. */
seg_message test_message(uint64_t n, const char *key, const char *data);

/* Hands a batch over, its first message for the attempt-th time. */
seg_answer test_plugin_handle(test_plugin *plugin, void *state, uint64_t epoch, uint32_t attempt,
			      const seg_message *messages, size_t count);

/* The same in epoch 7 at the first attempt: test_plugin_hand_over(p, state, test_message(...), ...). */
#define test_plugin_hand_over(plugin, state, ...)                                   \
	test_plugin_handle(plugin, state, 7, 1, (const seg_message[]){__VA_ARGS__}, \
			   sizeof((const seg_message[]){__VA_ARGS__}) / sizeof(seg_message))

/* Fails the test unless it is that answer; reason: a part of it, or NULL. */
void test_expect_done(seg_answer answer);
void test_expect_answer(seg_answer answer, seg_outcome outcome, uint32_t index, const char *reason);

uint64_t test_plugin_counter(const test_plugin *plugin, const char *name);

/* All that it has logged, a line each. */
const char *test_plugin_log(const test_plugin *plugin);

#endif
