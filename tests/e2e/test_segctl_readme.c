/* test_segctl_readme.c - the commands of README's section about segctl, run as they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/runner.h"
#include "harness/segctl.h"
#include "harness/server.h"

enum { README_MAX = 1 << 20 };

static char *readme(void)
{
	char path[512];
	const char *source = getenv("SEG_SOURCE_DIR");
	snprintf(path, sizeof(path), "%s/README.md", source ? source : ".");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	char *text = calloc(1, README_MAX);
	assert_non_null(text);
	assert_true(fread(text, 1, README_MAX - 1, file) > 0);
	fclose(file);
	return text;
}

/* Runs the next block of commands behind *at, in a shell that stops at the first that fails. */
static void run_block(char **at, const char *address)
{
	char *begin = strstr(*at, "```sh\n"), *end = begin ? strstr(begin + 6, "\n```") : NULL;
	assert_non_null(end);
	*at = end + 4;
	char *script = NULL, *commands = strndup(begin + 6, (size_t)(end - begin - 6));
	/* The server that the page takes for granted is the test's. */
	assert_true(asprintf(&script,
			     "set -e\nPATH=%s/framework/tools/segctl:$PATH\n"
			     "segctl() { command segctl -a %s -n shop \"$@\" </dev/stdin; }\n%s\n",
			     test_build_directory(), address, commands) > 0);
	int status = system(script);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("exit code %d of:\n%s", WEXITSTATUS(status), commands);
	free(commands);
	free(script);
}

static void the_commands_of_the_page_run_as_they_are_written(void **state)
{
	(void)state;
	test_server *server = test_server_start(NULL);
	char *text = readme(), *at = strstr(text, "\n## segctl\n");
	assert_non_null(at);
	run_block(&at, server->address);
	test_expect_text(test_segctl_good(server->address, "-n shop tail orders --from earliest -o csv"),
			 "alice,\"alice,1 book\"");
	test_runner *runner =
		test_runner_run("[redis]\naddress = %s\n[runner]\nnamespace = shop\n[consumer c]\n"
				"stream = orders\ngroup = booking\nplugin = %s/tests/plugins/record.so\n"
				"option.path = /dev/null\n",
				server->address, test_build_directory());
	test_runner_says(runner, "now has 8 of 8 partitions");
	run_block(&at, server->address);
	test_runner_free(runner);
	free(text);
	test_server_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_commands_of_the_page_run_as_they_are_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
