/*
 * segctl.h - the program segctl, run as an operator runs it, and what it answered. Bounded; failing to start
 * fails the test.
 */
#ifndef TEST_HARNESS_SEGCTL_H
#define TEST_HARNESS_SEGCTL_H

#include <stddef.h>
#include <sys/types.h>

typedef struct test_segctl {
	int exit_code; /* or -signal */
	char *output;  /* standard output, and */
	char *errors;  /* standard error, both ended by a NUL */
} test_segctl;

/*
 * Runs `segctl` with the words of `command`, split at blanks ('single quotes' keep them together), against
 * the server at `address` (SEGMENTER_ADDRESS; NULL: not set). input is what it reads, or NULL. What it
 * answered is valid until the next call.
 */
const test_segctl *test_segctl_run(const char *address, const char *input, const char *command);

/* The same with printf, without input. */
__attribute__((format(printf, 2, 3))) const test_segctl *test_segctl_do(const char *address,
									const char *format, ...);

/* The same, which must exit with 0; returns its standard output. */
__attribute__((format(printf, 2, 3))) const char *test_segctl_good(const char *address, const char *format,
								   ...);

/* Fails the test unless the text is there; shows both. */
void test_expect_text(const char *text, const char *part);

/* Starts it, and leaves it running with its standard output in a pipe; *output is the other end. */
pid_t test_segctl_start(const char *address, const char *command, int *output);

/*
 * The same on a terminal of its own, an xterm of 80 columns and 24 lines without colors; *terminal is its
 * other end.
 */
pid_t test_segctl_start_on_terminal(const char *address, const char *command, int *terminal);

/*
 * Reads what is drawn, and answers what may block, until it holds the text (escape sequences left out), or
 * fails the test.
 */
void test_terminal_shows(int terminal, const char *text);

#endif
