/*
 * test_login.c - logins: Redis's password changes while segrunner runs, and the new one is read from its file at the next
 * connect; a login that stays refused ends segrunner; segctl logs in as an operator.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include <cmocka.h>

#include "harness/rig.h"
#include "harness/segctl.h"

enum { PATIENCE_MS = 30000 };

static void write_password(const char *path, const char *password)
{
	assert_int_equal(rename(test_rig_write("pw.new", "%s\n", password), path), 0);
}

static void new_password(const char *password)
{
	test_server_tell(rig.server, "CONFIG SET requirepass %s", password);
	snprintf(rig.server->password, sizeof(rig.server->password), "%s", password);
	test_server_tell(rig.server, "CLIENT KILL TYPE normal SKIPME yes");
}

static void run_with_password(char path[96])
{
	rig.server = test_server_start_with(&(test_server_options){.password = "one"});
	snprintf(path, 96, "%s/pw", rig.directory);
	write_password(path, "one");
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\npassword_file = %s\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\npartitions = 4\noption.path = %s\n",
		rig.server->address, path, test_build_directory(), rig.deliveries);
	test_runner_says(rig.runner, "joined as");
}

static bool is_delivered(void *arg)
{
	(void)arg;
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	bool any = deliveries.count > 0;
	test_deliveries_free(&deliveries);
	return any;
}

static void a_password_that_was_changed_is_read_at_the_next_connect(void **state)
{
	(void)state;
	char path[96];
	run_with_password(path);
	/* The file comes later than the server's new password. */
	new_password("two");
	test_runner_says(rig.runner, "refuses this user or password");
	write_password(path, "two");
	test_runner_says_times(rig.runner, "joined as", 1);
	char send[200];
	snprintf(send, sizeof(send), "-c %s send s", rig.runner->config);
	const test_segctl *answer = test_segctl_run(NULL, "k=v\n", send);
	assert_int_equal(answer->exit_code, EX_OK);
	test_wait_until(is_delivered, NULL, PATIENCE_MS, "the message is delivered");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void a_login_that_stays_refused_for_a_minute_ends_segrunner_with_77(void **state)
{
	(void)state;
	char path[96];
	run_with_password(path);
	long long begin = test_now_ms();
	new_password("two");
	/* The harness waits for 20 s. */
	while (test_now_ms() - begin < 50000)
		nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
	assert_false(test_runner_has_said(rig.runner, "for a minute"));
	assert_int_equal(test_runner_wait(rig.runner), EX_NOPERM);
	assert_true(test_now_ms() - begin >= 59000);
	test_runner_says_times(rig.runner, "the login has been refused for a minute", 1);
}

/* --- an operator's own login ------------------------------------------------------------------------- */

static const test_segctl *list_as(const char *address, const char *options)
{
	return test_segctl_do(address, "%s stream list", options);
}

static void an_operator_logs_in_with_a_password_from_a_file(void **state)
{
	(void)state;
	char path[96], wrong[96], address[200], options[256];
	rig.server = test_server_start_with(&(test_server_options){.password = "one"});
	test_server_tell(rig.server, "ACL SETUSER op on >two ~* &* +@all");
	snprintf(path, sizeof(path), "%s/two", rig.directory);
	snprintf(wrong, sizeof(wrong), "%s/wrong", rig.directory);
	write_password(path, "two");
	write_password(wrong, "three");
	snprintf(address, sizeof(address), "unix://%s", rig.server->socket);
	snprintf(options, sizeof(options), "--user op --password-file %s", path);
	assert_int_equal(list_as(address, options)->exit_code, EX_OK);
	snprintf(options, sizeof(options), "-u op --password-file %s", wrong);
	assert_int_equal(list_as(address, options)->exit_code, EX_NOPERM);
	test_expect_text(list_as(address, "--user op")->errors,
			 "--user op needs --password-file FILE, a file with that user's password");
	assert_int_equal(list_as(address, "--user op")->exit_code, EX_USAGE);
	assert_int_equal(test_segctl_do(address, "doctor -u op")->exit_code, EX_USAGE);
	/* Without a user, it is the password of the user default. */
	write_password(wrong, "one");
	snprintf(options, sizeof(options), "--password-file %s", wrong);
	assert_int_equal(list_as(address, options)->exit_code, EX_OK);
	snprintf(options, sizeof(options), "--password-file %s/nothing", rig.directory);
	test_expect_text(list_as(address, options)->errors, "--password-file: there is no ");
	assert_int_equal(list_as(address, options)->exit_code, EX_NOINPUT);
}

static void an_operators_login_replaces_that_of_the_address_and_of_the_configuration(void **state)
{
	(void)state;
	char path[96], op[96], address[200], options[256];
	run_with_password(path);
	test_server_tell(rig.server, "ACL SETUSER op on >two ~* &* +@all");
	snprintf(op, sizeof(op), "%s/two", rig.directory);
	write_password(op, "two");
	snprintf(address, sizeof(address), "unix://nobody:wrong@%s", rig.server->socket);
	assert_int_equal(list_as(address, "")->exit_code, EX_NOPERM);
	snprintf(options, sizeof(options), "--user op --password-file %s", op);
	assert_int_equal(list_as(address, options)->exit_code, EX_OK);
	/* The right that op lacks shows who has logged in. */
	test_server_tell(rig.server, "ACL SETUSER op -scan");
	snprintf(options, sizeof(options), "-c %s --user op --password-file %s", rig.runner->config, op);
	test_expect_text(list_as(NULL, options)->errors, "grant +scan");
	snprintf(options, sizeof(options), "-c %s", rig.runner->config);
	assert_int_equal(list_as(NULL, options)->exit_code, EX_OK);
	/* The runner's password is none of theirs: they need not be able to read it. */
	unlink(path);
	assert_int_equal(list_as(NULL, options)->exit_code, EX_NOINPUT);
	test_server_tell(rig.server, "ACL SETUSER op +scan");
	snprintf(options, sizeof(options), "-c %s --user op --password-file %s", rig.runner->config, op);
	assert_int_equal(list_as(NULL, options)->exit_code, EX_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up_directory, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_password_that_was_changed_is_read_at_the_next_connect),
		TEST(an_operator_logs_in_with_a_password_from_a_file),
		TEST(an_operators_login_replaces_that_of_the_address_and_of_the_configuration),
		TEST(a_login_that_stays_refused_for_a_minute_ends_segrunner_with_77),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
