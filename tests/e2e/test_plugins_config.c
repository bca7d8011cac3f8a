/* test_plugins_config.c - segrunner accepts the sections of config/plugins.ini. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ctype.h>
#include <unistd.h>

#include "harness/runner.h"

static bool is_built(const char *plugin)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/plugins/%s.so", test_build_directory(), plugin);
	return access(path, F_OK) == 0;
}

/*
 * The plugin's section, with the #s before its options removed (no blank follows those). Allocated. Fails the
 * test if there is no such section.
 */
static char *uncommented(const char *plugin)
{
	char path[512], line[512], name[64] = "";
	char *text = NULL, *section = NULL;
	size_t size, wanted_size;
	bool wanted = false;
	snprintf(path, sizeof(path), "%s/config/plugins.ini", getenv("SEG_SOURCE_DIR"));
	FILE *file = fopen(path, "r"), *out = open_memstream(&text, &size);
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] != '#' || (line[1] != '[' && !islower((unsigned char)line[1])))
			continue;
		if (line[1] == '[') {
			fclose(out);
			if (wanted && !section)
				section = strdup(text);
			free(text);
			out = open_memstream(&text, &wanted_size);
			wanted = false;
		}
		fputs(line + 1, out);
		if (sscanf(line, "#plugin = %63s", name) == 1 && strcmp(name, plugin) == 0)
			wanted = true;
	}
	fclose(file);
	fclose(out);
	if (wanted && !section)
		section = strdup(text);
	free(text);
	if (!section)
		fail_msg("config/plugins.ini has no section of the plugin %s", plugin);
	return section;
}

static void check(const char *plugin)
{
	if (!is_built(plugin)) {
		print_message("skipped: the plugin %s was left out of this build\n", plugin);
		return;
	}
	char *section = uncommented(plugin);
	test_runner *runner = test_runner_make("[runner]\nplugin_directory = %s/plugins\n%s",
					       test_build_directory(), section);
	/* The plugins look at what their options name. */
	char script[96];
	snprintf(script, sizeof(script), "%s/orders.lua", runner->directory);
	FILE *file = fopen(script, "w");
	assert_non_null(file);
	fputs("function handle() end\n", file);
	fclose(file);
	setenv("SHOP_TOKEN", "t", 1);
	setenv("STATE_DIRECTORY", runner->directory, 1);
	test_runner_start(runner, (const char *const[]){"--check", "CONFIG", NULL});
	if (test_runner_wait(runner) != 0) {
		test_runner_says(runner, "something that explains why the check failed");
		fail();
	}
	test_runner_free(runner);
	free(section);
}

static void show_hides_what_a_plugin_declares_as_secret_and_passwords_in_all_options(void **state)
{
	(void)state;
	if (!is_built("http") || !is_built("postgres"))
		skip();
	test_runner *runner = test_runner_make(
		"[runner]\nplugin_directory = %s/plugins\n"
		"[consumer a]\nstream = s\ngroup = a\nplugin = http\n"
		"option.url = https://h/x?token=swordfish&page=2\noption.headers = X-Shop: swordfish\n"
		"[consumer b]\nstream = s\ngroup = b\nplugin = postgres\noption.table = t\n"
		"option.connection = host=db password='sword fish swordfish' dbname=shop\n"
		"[consumer c]\nstream = s\ngroup = c\nplugin = nowhere\noption.any = swordfish\n",
		test_build_directory());
	test_runner_start(runner, (const char *const[]){"--show", "CONFIG", NULL});
	assert_int_equal(test_runner_wait(runner), 0);
	test_runner_says(runner, "option.url = https://h/x?token=***&page=2");
	test_runner_says(runner, "option.headers = ***");
	test_runner_says(runner, "option.connection = host=db password=*** dbname=shop");
	test_runner_says(runner, "option.any = ***");
	test_runner_says(runner, "the options of [consumer c] are hidden: no plugin \"nowhere\"");
	test_runner_free(runner);
}

static void the_section_of_exec_is_accepted(void **state)
{
	(void)state;
	check("exec");
}

static void the_section_of_lua_is_accepted(void **state)
{
	(void)state;
	check("lua");
}

static void the_section_of_file_is_accepted(void **state)
{
	(void)state;
	check("file");
}

static void the_section_of_http_is_accepted(void **state)
{
	(void)state;
	check("http");
}

static void the_section_of_postgres_is_accepted(void **state)
{
	(void)state;
	check("postgres");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(show_hides_what_a_plugin_declares_as_secret_and_passwords_in_all_options),
		cmocka_unit_test(the_section_of_exec_is_accepted),
		cmocka_unit_test(the_section_of_lua_is_accepted),
		cmocka_unit_test(the_section_of_file_is_accepted),
		cmocka_unit_test(the_section_of_http_is_accepted),
		cmocka_unit_test(the_section_of_postgres_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
