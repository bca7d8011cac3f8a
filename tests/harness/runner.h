/*
 * runner.h - real segrunner processes for one test, and the deliveries that the plugin `record` wrote down.
 *
 * Each runner has a temporary directory with its configuration, its output, and its records. Waits are
 * bounded. Failing to start fails the test.
 */
#ifndef TEST_HARNESS_RUNNER_H
#define TEST_HARNESS_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The directory of the programs and plugins under test; fails the test if SEG_BUILD_DIR is not set. */
const char *test_build_directory(void);

/*
 * The session_timeout of runners that a test kills or suspends. On a busy machine, a sanitizer can make a runner that is well
 * stand still for a second.
 */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TEST_MORTAL "session_timeout = 3s\n"
#else
#define TEST_MORTAL "session_timeout = 1s\n"
#endif

typedef struct test_runner {
	char directory[64];
	char config[96];
	char output[96]; /* standard output and error */
	pid_t pid;       /* 0: it has ended */
	int status;      /* of waitpid, then */
	bool limited;    /* set before the start, by root: limits on threads hold for it (RLIMIT_NPROC) */
} test_runner;

/* Makes the directory and writes a configuration with this text (printf); starts no process. */
__attribute__((format(printf, 1, 2))) test_runner *test_runner_make(const char *format, ...);

/*
 * Starts `segrunner` with these arguments (the last one is NULL). "CONFIG" stands for the configuration's
 * path.
 */
void test_runner_start(test_runner *runner, const char *const *arguments);

/* test_runner_make, then `segrunner -c CONFIG`. */
__attribute__((format(printf, 1, 2))) test_runner *test_runner_run(const char *format, ...);

/* Writes this text (printf) as the configuration, and waits until the runner has reloaded it. */
__attribute__((format(printf, 2, 3))) void test_runner_reload(test_runner *runner, const char *format, ...);

/* Waits until the runner ends. Returns its exit code, or -signal. */
int test_runner_wait(test_runner *runner);

/* Sends the signal, and waits until the runner ends. */
int test_runner_stop(test_runner *runner, int signal);

/* Lets a limited runner start no thread more, or as many as before. */
void test_runner_limit_threads(const test_runner *runner, bool limit);

/* Kills the runner if it runs, removes the directory, frees. NULL is allowed. */
void test_runner_free(test_runner *runner);

/* How often the runner's output has this text; and whether it has it at all. */
int test_runner_times_said(const test_runner *runner, const char *text);
bool test_runner_has_said(const test_runner *runner, const char *text);

/*
 * Waits until the output has this text (that many times). At the wait's bound it fails the test and shows the
 * whole output.
 */
void test_runner_says(const test_runner *runner, const char *text);
void test_runner_says_times(const test_runner *runner, const char *text, int times);

/* --- deliveries ------------------------------------------------------------------------------ */

/* A line of `record`: one message that a handler got. */
typedef struct test_delivery {
	uint64_t epoch;
	uint32_t partition;
	uint64_t ms, seq;
	char key[32];
	char data[64];
	uint32_t attempt;
} test_delivery;

typedef struct test_deliveries {
	test_delivery *list; /* in the file's order */
	size_t count;
} test_deliveries;

/*
 * Reads a file of record; if there is no file, there are no deliveries. Free the result with
 * test_deliveries_free.
 */
test_deliveries test_deliveries_read(const char *path);
void test_deliveries_free(test_deliveries *deliveries);

/* Waits until each partition has one more delivery in the file than now, or fails the test. */
void test_deliveries_go_on(const char *path, uint32_t partitions);

/*
 * Checks the deliveries; fails the test if one of these does not hold:
 *
 * Keys k0 to k<keys-1> got each of the numbers 0 to numbers-1 (as data) at least once. Within an epoch, a
 * partition's ids rise, except for repetitions. At most `late` messages came under an epoch after a later
 * epoch's: those that a process held when it was suspended.
 *
 * Returns how many deliveries were repetitions.
 */
size_t test_deliveries_check(const test_deliveries *deliveries, int keys, int numbers, size_t late);

/*
 * The same where only the messages of a key have an order (`parallel` above 1): each number of a key came after the one before it, also
 * when it came again. Keys other than k0 to k<keys-1> do not count.
 */
size_t test_deliveries_check_keys(const test_deliveries *deliveries, int keys, int numbers);

#endif
