/* test_manual.c - the manual pages and completions match the programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/runner.h"
#include "harness/segctl.h"
#include "harness/server.h"
#include "harness/shell.h"
#include "config/options.h"

/* Runs a command with $build and $source set. Returns its exit code. */
__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
	char command[2048];
	int used = snprintf(command, sizeof(command), "build=%s source=%s; ", test_build_directory(),
			    getenv("SEG_SOURCE_DIR"));
	va_list args;
	va_start(args, format);
	vsnprintf(command + used, sizeof(command) - (size_t)used, format, args);
	va_end(args);
	int exit_code = test_shell_run(command);
	assert_true(exit_code >= 0);
	return exit_code;
}

/* The page as plain text, without font changes. */
static void read_page(const char *name)
{
	if (run("command -v groff >/dev/null")) {
		print_message("skipped: groff is not installed\n");
		skip();
	}
	assert_int_equal(run("LC_ALL=C groff -man -Tascii -P-cbou -rLL=200n $build/framework/man/%s", name),
			 0);
}

static void each_option_of_the_configuration_is_in_its_page_with_its_default(void **state)
{
	(void)state;
	read_page("segrunner.ini.5");
	for (size_t i = 0; i < seg_config_row_count; i++) {
		char text[256];
		snprintf(text, sizeof(text), "default %s.", seg_config_rows[i].value);
		test_shell_says(seg_config_rows[i].name);
		if (seg_config_rows[i].value)
			test_shell_says(text);
	}
	test_shell_says("SIGHUP: restart segrunner to apply.");
}

static void each_option_and_command_of_segrunner_is_in_its_page(void **state)
{
	(void)state;
	static const char *const words[] = {"-c",      "--connect",     "--check", "--show",  "--reference",
					    "--help",  "--version",     "test",    "--cpp",   "new-plugin",
					    "plugins", "plugin PLUGIN", "--man",   "SIGTERM", "SIGHUP",
					    "SIGUSR1", "SIGUSR2"};
	assert_int_equal(run("$build/framework/segrunner --help"), 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		test_shell_says(words[i]);
	read_page("segrunner.1");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		test_shell_says(words[i]);
}

static void the_library_page_has_every_function_and_status(void **state)
{
	(void)state;
	read_page("segmenter.3");
	char *page = strdup(test_shell_said);
	assert_int_equal(
		run("grep -o 'seg_[a-z_]*(' $source/framework/include/segmenter/segmenter.h | sort -u | "
		    "grep -v 'seg_delivery_fn\\|seg_log_fn'; "
		    "grep -o 'SEG_E[A-Z]* =' $source/framework/include/segmenter/segmenter.h | tr -d ' ='"),
		0);
	int count = 0;
	for (char *word = strtok(test_shell_said, "\n"); word; word = strtok(NULL, "\n"), count++)
		if (!strstr(page, word))
			fail_msg("%s is not in segmenter(3)", word);
	assert_true(count > 40);
	free(page);
}

static void segctl_page_has_each_command(void **state)
{
	(void)state;
	read_page("segctl.1");
	test_shell_says("stream create STREAM");
	test_shell_says("--max-lag");
	test_shell_says("Usage: segctl dlq replay STREAM GROUP");
}

static void each_plugin_has_a_page_of_its_own_with_its_options(void **state)
{
	(void)state;
	static const char *const names[] = {"dedup", "exec",     "file",  "http",   "log",
					    "lua",   "postgres", "route", "window", "wordcount"};
	static const char *const options[] = {"option.missing",     "option.environment",
					      "option.directory",   "option.retry_after_max",
					      "option.format",      "option.instruction_limit",
					      "option.key_columns", "option.no_match",
					      "option.max_ahead",   "option.check_order"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char page[64];
		if (run("test -e $build/plugins/%s.so", names[i]))
			continue;
		snprintf(page, sizeof(page), "../../plugins/segrunner-%s.7", names[i]);
		assert_int_equal(run("$build/framework/segrunner plugin $build/plugins/%s.so", names[i]), 0);
		test_shell_says(options[i]);
		read_page(page);
		test_shell_says(options[i]);
		test_shell_says("Values: ");
	}
	assert_int_equal(run("$build/framework/segrunner plugins $build/plugins"), 0);
	test_shell_says(
		"exec         Hands each message to a program in any language; one child per partition.");
	assert_int_equal(run("$build/framework/segrunner plugin nothing 2>&1"), 69);
	test_shell_says("segrunner: no plugin \"nothing\"");
}

static void the_installed_pages_have_no_dead_links_and_the_guides_are_there(void **state)
{
	(void)state;
	assert_int_equal(run("test -e $build/doc/examples/guides/first-plugin.md"), 0);
	run("cd $build/doc && find . -name '*.md' | while read -r page; do grep -o '](\\([^() ]*\\))' \"$page\" | "
	    "sed 's/^](//; s/)$//; s/#.*//' | grep -v '^[a-z]*:' | sort -u | while read -r target; do "
	    "[ -z \"$target\" ] || [ -e \"$(dirname \"$page\")/$target\" ] || echo \"$page $target\"; done; done");
	assert_string_equal(test_shell_said, "");
}

static void pages_have_no_errors(void **state)
{
	(void)state;
	if (run("command -v groff >/dev/null"))
		skip();
	assert_int_equal(
		run("cd $build/framework/man && groff -man -Tutf8 -ww -z *.1 *.3 *.5 ../../plugins/*.7 2>&1"),
		0);
	assert_string_equal(test_shell_said, "");
}

/* The completions that bash offers at the end of the line. */
static void complete(const char *program, const char *words, int index)
{
	assert_int_equal(run("PATH=$build/framework:$build/framework/tools/segctl:$PATH bash -c '"
			     ". $0/framework/completion/%s && COMP_WORDS=(%s) COMP_CWORD=%d; _%s; "
			     "echo \"${COMPREPLY[@]}\"' $source",
			     program, words, index, program),
			 0);
}

static void the_shell_completes_commands_and_options(void **state)
{
	(void)state;
	if (run("command -v bash >/dev/null"))
		skip();
	complete("segrunner", "segrunner new", 1);
	assert_string_equal(test_shell_said, "new-plugin\n");
	complete("segrunner", "segrunner --s", 1);
	assert_string_equal(test_shell_said, "--show\n");
	complete("segrunner", "segrunner new-plugin x --", 3);
	assert_string_equal(test_shell_said, "--cpp\n");
	complete("segctl", "segctl str", 1);
	assert_string_equal(test_shell_said, "stream\n");
	complete("segctl", "segctl state e", 2);
	assert_string_equal(test_shell_said, "export\n");
	complete("segctl", "segctl reset s g --k", 4);
	assert_string_equal(test_shell_said, "--keep-state\n");
	complete("segctl", "segctl dlq re", 2);
	assert_string_equal(test_shell_said, "replay\n");
	complete("segctl", "segctl lag s g --max-", 4);
	assert_string_equal(test_shell_said, "--max-lag --max-behind\n");
	complete("segctl", "segctl stream create --partitions", 3);
	assert_string_equal(test_shell_said, "--partitions\n");
	complete("segctl", "segctl lag -o j", 3);
	assert_string_equal(test_shell_said, "json\n");
	complete("segctl", "segctl acl pro", 2);
	assert_string_equal(test_shell_said, "producer\n");
}

/* --- zsh and fish, with the names of a stream and a group ------------------------------------------- */

/* The shell's completions of the line, sorted. `command` gets the line as $1. */
static void completes(const char *command, const test_server *server, const char *line, const char *expected)
{
	assert_int_equal(run("export HOME=%s XDG_CONFIG_HOME=%s SEGMENTER_ADDRESS=%s; "
			     "export PATH=$build/framework/tools/segctl:$PATH; cd $source/tests/harness; "
			     "set -- '%s'; %s 2>&1 | LC_ALL=C sort",
			     server->directory, server->directory, server->address, line, command),
			 0);
	if (strcmp(test_shell_said, expected) != 0)
		fail_msg("the completions of \"%s\" are \"%s\", not \"%s\"", line, test_shell_said, expected);
}

static void complete_names(const char *command)
{
	test_server *server = test_server_start(NULL);
	test_server_tell(server, "SADD {__default:orders}:groups billing");
	test_segctl_good(server->address, "stream create orders -p 1");
	completes(command, server, "segctl str", "stream\n");
	completes(command, server, "segctl lag ", "orders\n");
	completes(command, server, "segctl lag orders b", "billing\n");
	completes(command, server, "segctl dlq list orders ", "billing\n");
	completes(command, server, "segctl lag --wait 1min ", "orders\n");
	completes(command, server, "segctl lag --wait ", "orders\n");
	completes(command, server, "segctl lag --wait 1min orders ", "billing\n");
	completes(command, server, "segctl lag orders billing --max-", "--max-behind\n--max-lag\n");
	/* Nothing but files fits. */
	completes(command, server, "segctl --config log", "log.c\nlog.h\n");
	test_server_stop(server);
}

static void fish_completes_names_and_options_and_else_files(void **state)
{
	(void)state;
	if (run("command -v fish >/dev/null"))
		skip();
	complete_names("fish -N -c \"source $source/framework/completion/segctl.fish; complete -C '$1'\"");
}

/* zsh finds the file by its name, and calls it with the words of the line; here without a terminal. */
static void zsh_completes_names_and_options_and_else_files(void **state)
{
	(void)state;
	if (run("command -v zsh >/dev/null"))
		skip();
	complete_names("zsh -fc '"
		       "fpath=($0 $fpath); autoload -U compinit; compinit -u -D; "
		       "compadd() { print -rl -- \"${@:2}\" }; _files() { print -rl -- $words[-1]*(N) }; "
		       "words=(${(z)1}); [[ $1 != *\" \" ]] || words+=(\"\"); CURRENT=$#words; "
		       "$_comps[segctl]' $source/framework/completion \"$1\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_option_of_the_configuration_is_in_its_page_with_its_default),
		cmocka_unit_test(each_option_and_command_of_segrunner_is_in_its_page),
		cmocka_unit_test(the_library_page_has_every_function_and_status),
		cmocka_unit_test(segctl_page_has_each_command),
		cmocka_unit_test(each_plugin_has_a_page_of_its_own_with_its_options),
		cmocka_unit_test(the_installed_pages_have_no_dead_links_and_the_guides_are_there),
		cmocka_unit_test(pages_have_no_errors),
		cmocka_unit_test(the_shell_completes_commands_and_options),
		cmocka_unit_test(fish_completes_names_and_options_and_else_files),
		cmocka_unit_test(zsh_completes_names_and_options_and_else_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
