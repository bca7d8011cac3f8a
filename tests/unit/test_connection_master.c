/*
 * A connection with a Redis that is, or becomes, no master, or whose login changes: it leaves the first, and reads the
 * password file at each connect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_connection.h"

static char password_path[96];

static int setup(void **state)
{
	(void)state;
	fake_start();
	snprintf(password_path, sizeof(password_path), "%s/pw", fake.directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disconnect();
	fake_stop();
	return 0;
}

static void get_ready(void)
{
	connect_to_fake("", "");
	until_told("up ");
	told[0] = '\0';
}

static void ask(const char *what, const char *name)
{
	assert_true(
		seg_connection_words(connection, on_reply, (void *)(uintptr_t)name, what, "x", (char *)NULL));
}

/* --- no master any more -------------------------------------------------------------------------- */

static void an_answer_of_no_master_breaks_the_connection_after_the_answers_that_came_with_it(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"-READONLY You can't write against a read only replica.\r\n",
		"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
		"-REDIRECT 127.0.0.1:6380\r\n",
		"-UNBLOCKED force unblock from blocking operation, instance state changed\r\n",
		"-ERR WAIT cannot be used with replica instances. Please also note that x\r\n",
	};
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		get_ready();
		fake.special = "SET";
		fake.special_is = answers[i];
		ask("SET", "a");
		ask("SET", "b");
		ask("GET", "c");
		until_told("down ");
		assert_string_equal(told, "a:error b:error c:ok down ");
		error_says(SEG_ESERVER, "has become a read-only replica; looking for the master");
		assert_false(seg_connection_ready(connection));
		until_told("up ");
		fake.special = NULL;
		disconnect();
		fake_hang_up();
	}
}

static void other_errors_leave_the_connection_as_it_is(void **state)
{
	(void)state;
	get_ready();
	fake.special = "SET";
	fake.special_is = "-NOREPLICAS Not enough good replicas to write.\r\n";
	ask("SET", "a");
	until_told("a:error ");
	ask("GET", "b");
	until_told("b:ok ");
	assert_string_equal(told, "a:error b:ok ");
}

static void answers_of_no_master_one_after_another_make_no_storm_of_connects(void **state)
{
	(void)state;
	get_ready();
	fake.special = "SET";
	fake.special_is = "-READONLY You can't write against a read only replica.\r\n";
	long long end = test_now_ms() + 1500;
	while (test_now_ms() < end) {
		seg_connection_tick(connection, seg_now(), true);
		fake_serve();
		if (seg_connection_ready(connection) && seg_connection_waiting(connection) == 0)
			ask("SET", "a");
	}
	assert_in_range(fake.accepted, 3, 10);
}

/* --- the login ---------------------------------------------------------------------------------------- */

static void write_password(const char *text)
{
	FILE *file = fopen(password_path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void connect_with_file(void)
{
	connect_to_fake("", "");
	assert_int_equal(seg_address_set_login(&address, "alice", NULL, password_path, NULL), 0);
}

static void the_password_file_is_read_at_each_connect(void **state)
{
	(void)state;
	write_password("one\n");
	connect_with_file();
	until_told("up ");
	assert_int_equal(fake_heard("AUTH alice one"), 1);
	write_password("two words\r\n");
	fake_hang_up();
	until_told("down up ");
	assert_int_equal(fake_heard("AUTH alice two words"), 1);
	assert_int_equal(fake_heard("AUTH"), 2);
}

static void a_password_file_without_a_password_is_a_refusal_that_names_it_and_may_be_mended(void **state)
{
	(void)state;
	connect_with_file();
	until_told("down ");
	error_says(SEG_EAUTH, "cannot read the password file ");
	assert_true(seg_connection_is_refused(connection));
	write_password(" \n");
	told[0] = '\0';
	until_told("down ");
	error_says(SEG_EAUTH, "is empty; write the password into it");
	write_password("one\ntwo\n");
	told[0] = '\0';
	until_told("down ");
	error_says(SEG_EAUTH, "contains more than one line");
	write_password("three");
	until_told("up ");
	assert_int_equal(fake_heard("AUTH alice three"), 1);
}

static void a_login_that_was_accepted_counts_as_refused_after_a_minute(void **state)
{
	(void)state;
	write_password("one\n");
	connect_with_file();
	until_told("up ");
	fake.special = "AUTH";
	fake.special_is = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
	fake_hang_up();
	until_told("down down down ");
	assert_false(seg_connection_is_refused(connection));
	assert_false(seg_connection_login_is_lost(connection, seg_now() + 58 * SEG_SECOND));
	assert_true(seg_connection_login_is_lost(connection, seg_now() + 60 * SEG_SECOND));
	fake.special = NULL;
	until_told("down up ");
	assert_false(seg_connection_login_is_lost(connection, seg_now() + 60 * SEG_SECOND));
}

/* --- the role ---------------------------------------------------------------------------------------------- */

static test_server *servers[2];
static char logged[2048];

static void on_log(void *arg, const seg_log_event *event)
{
	(void)arg;
	if (event->level >= SEG_LOG_WARNING)
		snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), "%s\n", event->text);
}

static int setup_pair(void **state)
{
	(void)state;
	logged[0] = told[0] = '\0';
	for (int i = 0; i < 2; i++)
		servers[i] = test_server_start_tcp(NULL);
	return 0;
}

static int teardown_pair(void **state)
{
	(void)state;
	disconnect();
	for (int i = 0; i < 2; i++)
		test_server_stop(servers[i]);
	return 0;
}

static void connect_by(seg_master *master, const char *url)
{
	assert_int_equal(seg_address_parse(url, &address, NULL), 0);
	const seg_connection_options options = {
		.address = &address,
		.master = master,
		.connect_timeout = 5 * SEG_SECOND,
		.logger = seg_logger_make(on_log, NULL),
		.on_state = on_state,
	};
	connection = seg_connection_create(&options);
	assert_int_equal(seg_connection_wait_ready(connection, seg_now() + 10 * SEG_SECOND), 0);
}

static void connect_to_pair(const char *login, int first)
{
	char url[128];
	snprintf(url, sizeof(url), "redis://%s127.0.0.1:%d,127.0.0.1:%d", login, servers[first]->port,
		 servers[1 - first]->port);
	connect_by(NULL, url);
}

static void of_a_list_the_replica_is_passed_over(void **state)
{
	(void)state;
	test_server_follow(servers[0], servers[1]);
	connect_to_pair("", 0);
	assert_string_equal(told, "down up ");
	assert_true(test_server_says(servers[1], "CLIENT LIST TYPE normal", "cmd=script|load"));
}

static void make_user(void)
{
	for (int i = 0; i < 2; i++)
		test_server_tell(servers[i], "ACL SETUSER u on >pw ~* +@all -role");
}

static void without_a_right_to_role_info_tells_the_role(void **state)
{
	(void)state;
	make_user();
	test_server_follow(servers[0], servers[1]);
	connect_to_pair("u:pw@", 0);
	assert_string_equal(told, "down up ");
	assert_null(strstr(logged, "ROLE"));
}

static void without_both_rights_it_goes_on_with_one_warning(void **state)
{
	(void)state;
	make_user();
	for (int i = 0; i < 2; i++)
		test_server_tell(servers[i], "ACL SETUSER u -info");
	connect_to_pair("u:pw@", 0);
	seg_connection_break(connection, SEG_EUNREACHABLE, "once more");
	assert_int_equal(seg_connection_wait_ready(connection, seg_now() + 10 * SEG_SECOND), 0);
	assert_string_equal(told, "up down up ");
	const char *warning = strstr(logged, "no permission for ROLE and INFO");
	assert_non_null(warning);
	assert_null(strstr(warning + 1, "no permission for ROLE"));
}

/* The old master goes on as if it were the only one. */
static void a_connection_leaves_a_server_when_the_sentinels_name_another_one(void **state)
{
	(void)state;
	seg_master *master = NULL;
	assert_int_equal(seg_master_create(&master, NULL), 0);
	assert_true(seg_master_found(master, "127.0.0.1", (uint16_t)servers[0]->port));
	connect_by(master, "redis+sentinel://127.0.0.1:1/m");
	assert_int_equal(seg_connection_endpoint(connection)->port, servers[0]->port);
	assert_true(seg_master_found(master, "127.0.0.1", (uint16_t)servers[1]->port));
	seg_connection_tick(connection, seg_now(), false);
	assert_string_equal(told, "up down ");
	assert_int_equal(seg_connection_wait_ready(connection, seg_now() + 10 * SEG_SECOND), 0);
	assert_int_equal(seg_connection_endpoint(connection)->port, servers[1]->port);
	disconnect();
	seg_master_destroy(master);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, setup_pair, teardown_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_of_no_master_breaks_the_connection_after_the_answers_that_came_with_it),
		TEST(other_errors_leave_the_connection_as_it_is),
		TEST(answers_of_no_master_one_after_another_make_no_storm_of_connects),
		TEST(the_password_file_is_read_at_each_connect),
		TEST(a_password_file_without_a_password_is_a_refusal_that_names_it_and_may_be_mended),
		TEST(a_login_that_was_accepted_counts_as_refused_after_a_minute),
		PAIR_TEST(of_a_list_the_replica_is_passed_over),
		PAIR_TEST(without_a_right_to_role_info_tells_the_role),
		PAIR_TEST(without_both_rights_it_goes_on_with_one_warning),
		PAIR_TEST(a_connection_leaves_a_server_when_the_sentinels_name_another_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
