/* shell.h - runs a command of the shell, and keeps what it prints. Failing to start fails the test. */
#ifndef TEST_HARNESS_SHELL_H
#define TEST_HARNESS_SHELL_H

enum { TEST_SHELL_SAID_MAX = 256 * 1024 };

/* What the newest command printed on standard output, NUL-terminated. */
extern char test_shell_said[TEST_SHELL_SAID_MAX];

/* Runs the command, and returns its exit code, or -signal. */
int test_shell_run(const char *command);

/* Fails the test, and shows what the newest command printed, unless that contains the text. */
void test_shell_says(const char *text);

#endif
