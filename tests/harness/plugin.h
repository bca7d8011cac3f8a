/*
 * plugin.h - a handler plugin as a [consumer] section configures it, loaded as segrunner loads it, with
 * messages handed over by the test.
 *
 * The section's stream is "words", its group "g", its name "mine"; the partition is number 3. A failure to
 * load fails the test. If a test has threads, each thread uses a partition of its own.
 */
#ifndef TEST_HARNESS_PLUGIN_H
#define TEST_HARNESS_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/handler.h>

#include "harness/calls.h"

enum { TEST_PARTITION = 3 };

typedef struct test_plugin test_plugin;

/*
 * Whether the build has the plugin. If a missing library prevented that, prints that the tests are skipped.
 */
bool test_plugin_is_built(const char *name);

/*
 * For tests that load plugins themselves: the build's segrunner probes the plugins, because the test program
 * cannot.
 */
void test_plugin_probe_by_build(void);

/* Loads the plugin with options "name=value" (the last one is NULL), and calls init. */
test_plugin *test_plugin_start(const char *name, const char *const *options);

/* The same, but init must refuse with a line that contains this text. */
void test_plugin_refuses(const char *name, const char *const *options, const char *text);

/*
 * The same for a section with these outputs (the last one is NULL; they outlive the plugin) and so many threads a partition: its
 * batches can emit and keep state, through test_plugin_calls.
 */
test_plugin *test_plugin_start_with(const char *name, const char *const *options, const char *const *outputs,
				    uint32_t parallel);
void test_plugin_refuses_with(const char *name, const char *const *options, const char *const *outputs,
			      const char *text);
test_calls *test_plugin_calls(test_plugin *plugin);

/* Calls fini and unloads the plugin. */
void test_plugin_stop(test_plugin *plugin);

/* Opens the partition. _try_ returns NULL if the plugin refuses; the reason is in error[512]. */
void *test_plugin_open(test_plugin *plugin, uint64_t epoch);
void *test_plugin_try_open(test_plugin *plugin, uint64_t epoch, char *error);
void test_plugin_close(test_plugin *plugin, void *state);
void test_plugin_tick(test_plugin *plugin, void *state);

/* A message with id 1000-n, without headers. */
seg_message test_message(uint64_t n, const char *key, const char *data);

/* Hands a batch over. attempt: the attempt at the first message. */
seg_answer test_plugin_handle(test_plugin *plugin, void *state, uint64_t epoch, uint32_t attempt,
			      const seg_message *messages, size_t count);

/* The same in epoch 7 at the first attempt: test_plugin_hand_over(p, state, test_message(...), ...). */
#define test_plugin_hand_over(plugin, state, ...)                                   \
	test_plugin_handle(plugin, state, 7, 1, (const seg_message[]){__VA_ARGS__}, \
			   sizeof((const seg_message[]){__VA_ARGS__}) / sizeof(seg_message))

/* Fails the test unless the answer is this one. reason: a part of the answer's reason, or NULL. */
void test_expect_done(seg_answer answer);
void test_expect_answer(seg_answer answer, seg_outcome outcome, uint32_t index, const char *reason);

uint64_t test_plugin_counter(const test_plugin *plugin, const char *name);

/* All lines that the plugin has logged. */
const char *test_plugin_log(const test_plugin *plugin);

#endif
