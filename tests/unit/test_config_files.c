/*
 * test_config_files.c - mistakes between the files of a configuration: includes, password files, and who may read them;
 * each with the exact line that reports it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/rig.h"
#include "config/config.h"

/* A valid consumer, in four lines. */
#define CONSUMER "[consumer c]\nstream=s\ngroup=g\nplugin=p\n"

/* All reported errors, one per line, without the last line's newline; the caller frees the text. */
static char *report(const seg_config_errors *errors)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	seg_config_errors_print(errors, out);
	assert_int_equal(fclose(out), 0);
	if (size)
		text[size - 1] = '\0';
	return text;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	assert_int_equal(chmod(test_rig_write(name, "%s", text), mode), 0);
}

/* Loads the file and compares the reported errors; "@" in `expected` stands for the directory. */
static void expect_report(const char *name, int expected_status, const char *expected)
{
	seg_config *config;
	seg_config_errors errors = {0};
	char *wanted = NULL;
	size_t size;
	assert_int_equal(seg_config_load(test_rig_path(name), &config, &errors), expected_status);
	char *reported = report(&errors);
	FILE *out = open_memstream(&wanted, &size);
	assert_non_null(out);
	for (const char *c = expected; *c; c++)
		if (*c == '@')
			fputs(rig.directory, out);
		else
			fputc(*c, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(reported, wanted);
	free(wanted);
	free(reported);
	seg_config_free(config);
	seg_config_errors_fini(&errors);
}

static void a_file_that_cannot_be_read_is_named_with_the_reason(void **state)
{
	(void)state;
	expect_report("missing.ini", SEG_ENOTFOUND,
		      "@/missing.ini: cannot be read: No such file or directory");
	expect_report(".", SEG_ENOTFOUND, "@/.: is a directory; name a file in it");
}

static void a_file_over_one_mebibyte_is_refused(void **state)
{
	(void)state;
	write_file("big.ini", CONSUMER, 0600);
	assert_int_equal(truncate(test_rig_path("big.ini"), 4LL << 30), 0);
	expect_report("big.ini", SEG_ENOTFOUND,
		      "@/big.ini: is longer than 1048576 bytes; name the right file, or split it");
}

static void an_include_that_leads_back_names_the_whole_chain(void **state)
{
	(void)state;
	write_file("a.ini", "include = b.ini\n" CONSUMER, 0600);
	write_file("b.ini", "\ninclude = c.ini\n", 0600);
	write_file("c.ini", "\n\ninclude = ./a.ini\n", 0600);
	expect_report("a.ini", SEG_EINVAL,
		      "@/c.ini:3: include: @/./a.ini includes itself: @/a.ini -> @/b.ini -> @/c.ini -> "
		      "@/./a.ini; remove one of these includes");
	write_file("self.ini", "include = self.ini\n" CONSUMER, 0600);
	expect_report(
		"self.ini", SEG_EINVAL,
		"@/self.ini:1: include: @/self.ini includes itself: @/self.ini -> @/self.ini; remove one "
		"of these includes");
}

static void includes_deeper_than_sixteen_are_refused(void **state)
{
	char name[16], text[64];
	(void)state;
	for (unsigned i = 1; i < 18; i++) {
		snprintf(name, sizeof(name), "%u", i);
		snprintf(text, sizeof(text), "include = %u\n", i + 1);
		write_file(name, text, 0600);
	}
	write_file("0", "include = 1\n" CONSUMER, 0600);
	expect_report(
		"0", SEG_EINVAL,
		"@/16:1: include: more than 16 files deep: @/0 -> @/1 -> @/2 -> @/3 -> @/4 -> @/5 -> @/6 "
		"-> @/7 -> @/8 -> @/9 -> @/10 -> @/11 -> @/12 -> @/13 -> @/14 -> @/15 -> @/16 -> @/17; "
		"nest fewer includes");
}

static void includes_that_multiply_end_at_256_files(void **state)
{
	char name[16], text[64];
	seg_config *config;
	seg_config_errors errors = {0};
	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "two%u", i);
		snprintf(text, sizeof(text), "include = two%u\ninclude = two%u\n", i + 1, i + 1);
		write_file(name, text, 0600);
	}
	write_file("two16", "", 0600);
	assert_int_equal(seg_config_load(test_rig_path("two0"), &config, &errors), SEG_EINVAL);
	assert_non_null(strstr(errors.list[0].text, "include: more than 256 files in all; join some files"));
	seg_config_errors_fini(&errors);
}

static void an_option_given_in_two_files_names_both(void **state)
{
	(void)state;
	write_file("secrets.ini", "[redis]\ntimeout = 1s\n", 0600);
	write_file("main.ini", "include = secrets.ini\n[redis]\ntimeout = 2s\n" CONSUMER, 0600);
	expect_report("main.ini", SEG_EINVAL,
		      "@/main.ini:3: timeout is already set at @/secrets.ini:2; remove one");
}

static void a_pipe_is_never_waited_for_in_an_include(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(test_rig_path("pipe"), 0600), 0);
	write_file("piped.ini", "include = pipe\n[redis]\npassword_file = pipe\n" CONSUMER, 0600);
	expect_report("piped.ini", SEG_EINVAL,
		      "@/piped.ini:1: include: @/pipe is not a regular file; name a regular file\n"
		      "@/piped.ini:3: password_file: @/pipe is not a regular file; name a regular file");
}

static void a_password_that_others_may_read_is_warned_of(void **state)
{
	(void)state;
	setenv("SEG_TEST_PASSWORD", "swordfish", 1);
	write_file("open.ini", "[redis]\npassword = swordfish\n" CONSUMER, 0644);
	expect_report(
		"open.ini", 0,
		"@/open.ini:2: warning: password: other users may read this file (mode 0644), and it holds "
		"a password; run chmod 600 on it, or use password_file or ${NAME}");
	write_file("url.ini", "[redis]\naddress = redis://:swordfish@h\n" CONSUMER, 0640);
	expect_report(
		"url.ini", 0,
		"@/url.ini:2: warning: address: other users may read this file (mode 0640), and it holds a "
		"password; run chmod 600 on it, or use password_file or ${NAME}");
	write_file("closed.ini", "[redis]\npassword = swordfish\n" CONSUMER, 0600);
	expect_report("closed.ini", 0, "");
	write_file("variable.ini", "[redis]\npassword = ${SEG_TEST_PASSWORD}\n" CONSUMER, 0644);
	expect_report("variable.ini", 0, "");
}

static void a_password_file_must_hold_one_line_and_be_no_one_elses(void **state)
{
	(void)state;
	write_file("pw.ini", "[redis]\npassword_file = pw\n" CONSUMER, 0644);
	write_file("pw", "", 0600);
	expect_report("pw.ini", SEG_EINVAL,
		      "@/pw.ini:2: password_file: @/pw is empty; write the password into it");
	write_file("pw", "\n", 0600);
	expect_report("pw.ini", SEG_EINVAL,
		      "@/pw.ini:2: password_file: @/pw is empty; write the password into it");
	write_file("pw", " \t\n", 0600);
	expect_report("pw.ini", SEG_EINVAL,
		      "@/pw.ini:2: password_file: @/pw is empty; write the password into it");
	write_file("pw", "sword\nfish\n", 0600);
	expect_report("pw.ini", SEG_EINVAL,
		      "@/pw.ini:2: password_file: @/pw contains more than one line; it must contain only the "
		      "password");
	write_file("pw", "swordfish\n", 0604);
	expect_report(
		"pw.ini", 0,
		"@/pw.ini:2: warning: password_file: other users may read or write @/pw (mode 0604); run "
		"chmod o= @/pw");
	write_file("pw", "swordfish\n", 0600);
	expect_report("pw.ini", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_cannot_be_read_is_named_with_the_reason),
		cmocka_unit_test(a_file_over_one_mebibyte_is_refused),
		cmocka_unit_test(an_include_that_leads_back_names_the_whole_chain),
		cmocka_unit_test(includes_deeper_than_sixteen_are_refused),
		cmocka_unit_test(includes_that_multiply_end_at_256_files),
		cmocka_unit_test(an_option_given_in_two_files_names_both),
		cmocka_unit_test(a_pipe_is_never_waited_for_in_an_include),
		cmocka_unit_test(a_password_that_others_may_read_is_warned_of),
		cmocka_unit_test(a_password_file_must_hold_one_line_and_be_no_one_elses),
	};
	return cmocka_run_group_tests(tests, test_rig_set_up_directory, test_rig_tear_down);
}
