/*
 * runner.h - real segrunner processes of a test's own, and what the plugin `record` wrote of their deliveries.
 *
 * Each has a temporary directory with its configuration, its output, and its records. Waits are bounded; failing to
 * start fails the test.
 */
#ifndef TEST_HARNESS_RUNNER_H
#define TEST_HARNESS_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where the programs and plugins under test are; fails the test where SEG_BUILD_DIR is not set. */
const char *test_build_directory(void);

typedef struct test_runner {
	char directory[64];
	char config[96];
	char output[96]; /* standard output and error */
	pid_t pid;       /* 0: it has ended */
	int status;      /* of waitpid, then */
} test_runner;

/* Makes the directory and writes a configuration of that text (printf); starts nothing. */
__attribute__((format(printf, 1, 2))) test_runner *test_runner_make(const char *format, ...);

/* Starts `segrunner` with these arguments, up to a NULL; "CONFIG" stands for the configuration's path. */
void test_runner_start(test_runner *runner, const char *const *arguments);

/* make and `segrunner -c CONFIG`. */
__attribute__((format(printf, 1, 2))) test_runner *test_runner_run(const char *format, ...);

/* Waits for its end: the exit code, or -signal. */
int test_runner_wait(test_runner *runner);

/* Sends the signal, and waits for the end. */
int test_runner_stop(test_runner *runner, int signal);

/* Kills it if it runs, removes the directory, frees. NULL is allowed. */
void test_runner_free(test_runner *runner);

/* How often it has said that, and whether at all. */
int test_runner_times_said(const test_runner *runner, const char *text);
bool test_runner_has_said(const test_runner *runner, const char *text);

/* Returns when it has said that, so often, within a bounded time, or fails the test and shows all it has said. */
void test_runner_says(const test_runner *runner, const char *text);
void test_runner_says_times(const test_runner *runner, const char *text, int times);

/* --- deliveries ------------------------------------------------------------------------------ */

/* A line of `record`: one message handed to a handler. */
typedef struct test_delivery {
	uint64_t epoch;
	uint32_t partition;
	uint64_t ms, seq;
	char key[32];
	char data[64];
	uint32_t attempt;
} test_delivery;

typedef struct test_deliveries {
	test_delivery *list; /* in the order of the file */
	size_t count;
} test_deliveries;

/* Reads a file that record writes; none is no delivery. Free with test_deliveries_free. */
test_deliveries test_deliveries_read(const char *path);
void test_deliveries_free(test_deliveries *deliveries);

/* Returns when each of the partitions has had a delivery more in the file than there is now, or fails the test. */
void test_deliveries_go_on(const char *path, uint32_t partitions);

/*
 * Checks that keys k0 to k<keys-1> got the numbers 0 to numbers-1 each (as data), at least once; that within an epoch
 * a partition's ids rise, but for repetitions; and that no more than `late` messages were handed over under an epoch after a later one was:
 * those in the hands of a process when it was suspended. Returns how many deliveries were repetitions. Fails the test
 * otherwise.
 */
size_t test_deliveries_check(const test_deliveries *deliveries, int keys, int numbers, size_t late);

#endif
