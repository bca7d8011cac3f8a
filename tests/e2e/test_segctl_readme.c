/* test_segctl_readme.c - runs the commands of README's section about segctl as they are written. */
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

/*
 * Runs the next block of commands after *at, in the runner's directory, in a shell that stops at the first
 * failure. The page's shop.ini is the runner's configuration there.
 */
static void run_block(char **at, const test_runner *runner)
{
	char *begin = strstr(*at, "```sh\n"), *end = begin ? strstr(begin + 6, "\n```") : NULL;
	assert_non_null(end);
	*at = end + 4;
	char *script = NULL, *commands = strndup(begin + 6, (size_t)(end - begin - 6));
	assert_true(asprintf(&script,
			     "set -e\nPATH=%s/framework/tools/segctl:$PATH\ncd %s\ncp %s shop.ini\n%s\n",
			     test_build_directory(), runner->directory, runner->config, commands) > 0);
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
	char *text = readme(), *at = strstr(text, "\n### segctl\n");
	assert_non_null(at);
	test_runner *runner =
		test_runner_run("[redis]\naddress = %s\n[runner]\nnamespace = shop\n[consumer c]\n"
				"stream = orders\npartitions = 8\ngroup = booking\n"
				"plugin = %s/tests/plugins/record.so\noption.path = /dev/null\n",
				server->address, test_build_directory());
	test_runner_says(runner, "now has 8 of 8 partitions");
	run_block(&at, runner);
	test_expect_text(test_segctl_good(server->address, "-n shop stream list -o csv"), "refunds");
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
