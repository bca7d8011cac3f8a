/*
 * stock.h - a plugin that keeps files, loaded as segrunner loads it, with messages handed over by the test; and a process
 * that owns a partition until it is killed.
 *
 * For the stock plugins log and file. plugin.h is for plugins of one partition in one group; here a test
 * chooses the group, the partition and the stream, and looks at the files. The files of a test are in a directory of its
 * own. A failure to load fails the test.
 */
#ifndef TEST_HARNESS_STOCK_H
#define TEST_HARNESS_STOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "harness/plugin.h"
#include "plugin/plugin.h"

typedef struct test_stock {
	seg_config_consumer consumer;
	seg_config_option options[8];
	char texts[8][160];
	seg_config_errors errors;
	seg_plugin *plugin;
	seg_plugin_instance *instance;
} test_stock;

#define TEST_TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

extern char test_stock_logged[1024]; /* the newest line of the log */
extern char test_stock_stream[160];  /* "words": the stream of plugins that start from now on */

/* Loads the plugin for a group with the options "name=value". */
void test_stock_load(test_stock *f, const char *name, const char *group, const char *const *options);

/* The same, and init. Returns init's result; error may be NULL. */
int test_stock_start_in_group(test_stock *f, const char *name, const char *group, const char *const *options,
			      seg_error *error);

/* The same for the group "g"; init must succeed. */
void test_stock_start(test_stock *f, const char *name, const char *const *options);

void test_stock_stop(test_stock *f);
const seg_handler *test_stock_handler(const test_stock *f);
uint64_t test_stock_counter(const test_stock *f, const char *name);

/* Opens a partition. _try_ returns NULL if the plugin refuses, for the reason in error[512]. */
void *test_stock_open(test_stock *f, uint32_t partition, uint64_t epoch);
void *test_stock_try_open(test_stock *f, uint32_t partition, uint64_t epoch, char *error);

/* Partition 3 must be refused for a reason that has this text. */
void test_stock_refuses_open(test_stock *f, uint64_t epoch, const char *text);

void test_stock_close(test_stock *f, void *state, seg_close_reason reason);

/* --- messages of partition 3: number n has the id 1000-n -------------------------------------------- */

typedef struct test_stock_text {
	uint64_t n;
	const char *key;
	const char *data;
} test_stock_text;

seg_answer test_stock_hand_over(test_stock *f, void *state, uint64_t epoch, const seg_message *messages,
				size_t count);
seg_answer test_stock_hand_over_texts(test_stock *f, void *state, uint64_t epoch,
				      const test_stock_text *texts, size_t count);

#define TEST_STOCK_HAND_OVER(f, state, epoch, ...)                                          \
	test_stock_hand_over_texts(f, state, epoch, (const test_stock_text[]){__VA_ARGS__}, \
				   sizeof((const test_stock_text[]){__VA_ARGS__}) / sizeof(test_stock_text))

/* With a key, data and headers that are no plain text. */
extern const seg_message test_stock_odd_message;

/* --- files, in the test's directory ---------------------------------------------------------------- */

/* A test's setup and teardown. */
int test_stock_make_directory(void **state);
int test_stock_remove_directory(void **state);

extern char test_stock_directory[64];

/* "directory=..." */
const char *test_stock_directory_option(void);

/* One of the newest four paths. */
const char *test_stock_path(const char *name);

/* The file's content, NUL-terminated; NULL if there is no such file. The caller frees it. */
char *test_stock_read(const char *name, size_t *length);
void test_stock_write(const char *name, const char *content, size_t length);
bool test_stock_exists(const char *name);

/* The file must have exactly this content. */
void test_stock_has(const char *name, const char *expected);

/* Limits the size of this process's files; RLIM_INFINITY: no limit. */
void test_stock_limit_files(rlim_t bytes);

/* --- kill -9: an owner in a process of its own ------------------------------------------------------- */

enum { TEST_STOCK_BATCH = 8 };

/* Batch b has the messages b * 8 + 1 to b * 8 + 8: eight words, a to h, each with its occurrence number b + 1. */
seg_answer test_stock_hand_over_numbered(test_stock *f, void *state, uint64_t epoch, uint64_t b);

/*
 * A child owns partition 3 and handles batches from `first` on, until it is killed some time after `batches` batches were
 * done. Returns the first batch that the child did not report.
 */
uint64_t test_stock_kill_an_owner(const char *plugin, uint64_t epoch, uint64_t first, uint64_t batches);

#endif
