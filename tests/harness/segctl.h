/*
 * segctl.h - runs the program segctl as an operator does, and keeps its answer. Waits are bounded. Failing to
 * start fails the test.
 */
#ifndef TEST_HARNESS_SEGCTL_H
#define TEST_HARNESS_SEGCTL_H

#include <stddef.h>
#include <sys/types.h>

typedef struct test_segctl {
	int exit_code; /* or -signal */
	char *output;  /* standard output, NUL-terminated */
	char *errors;  /* standard error, NUL-terminated */
} test_segctl;

/*
 * Runs `segctl` with the words of `command`, split at blanks ('single quotes' keep words together), against
 * the server at `address` (SEGMENTER_ADDRESS; NULL: not set). `input` is its standard input, or NULL. The
 * answer is valid until the next call.
 */
const test_segctl *test_segctl_run(const char *address, const char *input, const char *command);

/* The same with printf and without input. */
__attribute__((format(printf, 2, 3))) const test_segctl *test_segctl_do(const char *address,
									const char *format, ...);

/* The same, but segctl must exit with 0; returns its standard output. */
__attribute__((format(printf, 2, 3))) const char *test_segctl_good(const char *address, const char *format,
								   ...);

/* Fails the test, and shows both texts, unless `text` contains `part`. */
void test_expect_text(const char *text, const char *part);

/* Starts segctl and returns while it runs. *output is the reading end of a pipe from its standard output. */
pid_t test_segctl_start(const char *address, const char *command, int *output);

/*
 * The same on a terminal of its own: an xterm of 80 columns and 24 lines without colors. *terminal is the
 * terminal's other end.
 */
pid_t test_segctl_start_on_terminal(const char *address, const char *command, int *terminal);

/*
 * Reads what segctl draws, and answers terminal queries that segctl may wait for, until the text appears
 * (escape sequences left out). Otherwise fails the test.
 */
void test_terminal_shows(int terminal, const char *text);

#endif
