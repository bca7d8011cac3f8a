#include "harness/shell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

char test_shell_said[TEST_SHELL_SAID_MAX];

int test_shell_run(const char *command)
{
	FILE *output = popen(command, "r");
	assert_non_null(output);
	test_shell_said[fread(test_shell_said, 1, TEST_SHELL_SAID_MAX - 1, output)] = '\0';
	int status = pclose(output);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void test_shell_says(const char *text)
{
	if (!strstr(test_shell_said, text))
		fail_msg("\"%s\" is not in:\n%s", text, test_shell_said);
}
