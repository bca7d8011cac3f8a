/* test_plugin_postgres.c - the plugin postgres and a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>

#include "harness/plugin.h"
#include "harness/postgres.h"

static test_postgres *postgres;
static char connection[192];
static test_plugin *plugin;
static void *partition;

#define OPTIONS(...) ((const char *const[]){connection, __VA_ARGS__, NULL})
#define QUERY(...) test_postgres_query(postgres, __VA_ARGS__)

static int start_server(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	postgres = test_postgres_start();
	snprintf(connection, sizeof(connection), "connection=%s", postgres->connection);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	test_postgres_stop(postgres);
	return 0;
}

static int make_table(void **state)
{
	(void)state;
	QUERY("DROP TABLE IF EXISTS t, segmenter_position CASCADE;"
	      "CREATE TABLE t (n serial, partition int, id text, key text, data text CHECK (data <> 'bad'))");
	return 0;
}

static void start(const char *const *options)
{
	plugin = test_plugin_start("postgres", options);
	partition = test_plugin_open(plugin, 7);
}

static void stop(void)
{
	test_plugin_close(plugin, partition);
	test_plugin_stop(plugin);
}

static seg_answer hand_over(uint64_t n, const char *data)
{
	return test_plugin_hand_over(plugin, partition, test_message(n, "k", data));
}

/* All data of the table, in the order of storing. */
static void expect_rows(const char *expected)
{
	assert_string_equal(QUERY("SELECT coalesce(string_agg(data, ' ' ORDER BY n), '') FROM t"), expected);
}

static void expect_position(const char *expected)
{
	assert_string_equal(
		QUERY("SELECT stream, group_name, partition, epoch, ms, seq FROM segmenter_position"),
		expected);
}

/* --- rows ------------------------------------------------------------------------------------------ */

static void rows_and_position_are_stored_together(void **state)
{
	(void)state;
	start(OPTIONS("table=t"));
	expect_position("words|g|3|7|0|0\n");
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "a", "one"),
					       test_message(2, "b", "t'w\\o\n")));
	assert_string_equal(QUERY("SELECT partition, id, key, data FROM t ORDER BY n"),
			    "3|1000-1|a|one\n3|1000-2|b|t'w\\o\n\n");
	expect_position("words|g|3|7|1000|2\n");
	assert_int_equal(test_plugin_counter(plugin, "rows_total"), 2);
	assert_int_equal(test_plugin_counter(plugin, "transactions_total"), 1);
	stop();
}

static void each_column_takes_its_field_in_its_own_type(void **state)
{
	(void)state;
	static const seg_header headers[] = {{"trace", 5, "7f3a", 4}, {"raw", 3, "\xff", 1}};
	QUERY("DROP SCHEMA IF EXISTS \"My Shop\" CASCADE; CREATE SCHEMA \"My Shop\";"
	      "CREATE TABLE \"My Shop\".\"a\"\"b.c\" (\"The Key\" bytea, d jsonb, at timestamptz, ms bigint, seq int,"
	      " e bigint, s text, g text, h jsonb, trace text, nothing text, raw bytea)");
	start(OPTIONS("table=\"My Shop\".\"a\"\"b.c\"",
		      "columns=\"The Key\" = key, d = data, at = time, ms = id_ms, seq = id_seq, e = epoch,"
		      " s = stream, g = group, h = headers, trace = header.trace, nothing = header.none,"
		      " raw = header.raw"));
	seg_message m = test_message(1, "", "{\"a\": 1}");
	m.id = (seg_id){1763907650123, 18446744};
	m.key = "k\0\xff";
	m.key_length = 3;
	m.headers = headers;
	m.header_count = 2;
	test_expect_done(test_plugin_handle(plugin, partition, 7, 1, &m, 1));
	assert_string_equal(
		QUERY("SET timezone = 'UTC'; SELECT \"The Key\", d->'a', at, ms, seq, e, s, g, h->0->>'name',"
		      " h->1->>'value_base64', trace, nothing IS NULL, raw FROM \"My Shop\".\"a\"\"b.c\""),
		"\\x6b00ff|1|2025-11-23 14:20:50.123+00|1763907650123|18446744|7|words|g|trace|/w==|7f3a|t|"
		"\\xff\n");
	stop();
}

static void a_large_batch_is_one_transaction(void **state)
{
	(void)state;
	enum { MANY = 20000 };
	static seg_message many[MANY];
	static char data[512];
	memset(data, 'x', sizeof(data) - 1);
	for (uint64_t i = 0; i < MANY; i++)
		many[i] = test_message(i + 1, "k", data);
	start(OPTIONS("table=t"));
	test_expect_done(test_plugin_handle(plugin, partition, 7, 1, many, MANY));
	assert_string_equal(QUERY("SELECT count(*), count(DISTINCT id), count(DISTINCT xmin::text) FROM t"),
			    "20000|20000|1\n");
	stop();
}

/* --- once ------------------------------------------------------------------------------------------- */

static void messages_that_come_again_are_skipped(void **state)
{
	(void)state;
	start(OPTIONS("table=t"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "k", "a"),
					       test_message(2, "k", "b")));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "k", "a"),
					       test_message(2, "k", "b"), test_message(3, "k", "c")));
	expect_rows("a b c\n");
	stop();
	start(OPTIONS("table=t"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(2, "k", "b"),
					       test_message(3, "k", "c"), test_message(4, "k", "d")));
	expect_rows("a b c d\n");
	assert_int_equal(test_plugin_counter(plugin, "skipped_total"), 2);
	stop();
}

static void a_former_owner_stores_nothing(void **state)
{
	(void)state;
	start(OPTIONS("table=t"));
	test_expect_done(hand_over(1, "a"));
	void *successor = test_plugin_open(plugin, 8);
	test_expect_answer(hand_over(2, "b"), SEG_OUTCOME_RETRY, 0,
			   "another runner has taken over the partition");
	test_expect_answer(
		hand_over(2, "b"), SEG_OUTCOME_RETRY, 0,
		"another runner has taken over this partition: the database has a later epoch than: 7");
	expect_rows("a\n");
	test_expect_done(
		test_plugin_handle(plugin, successor, 8, 1, (seg_message[]){test_message(2, "k", "c")}, 1));
	expect_rows("a c\n");
	expect_position("words|g|3|8|1000|2\n");
	char error[512];
	assert_null(test_plugin_try_open(plugin, 7, error));
	assert_non_null(strstr(error, "another runner has taken over this partition"));
	test_plugin_close(plugin, successor);
	stop();
}

/* The state after a commit whose answer was lost: the same epoch, and the position has moved. */
static void a_position_that_moved_unseen_is_read_again(void **state)
{
	(void)state;
	start(OPTIONS("table=t"));
	test_expect_done(hand_over(1, "a"));
	QUERY("INSERT INTO t (data) VALUES ('b'); UPDATE segmenter_position SET seq = 2");
	test_expect_answer(
		hand_over(2, "b"), SEG_OUTCOME_RETRY, 0,
		"another connection has moved this partition's position in the database; reading it again");
	test_expect_done(hand_over(2, "b"));
	test_expect_done(hand_over(3, "c"));
	expect_rows("a b c\n");
	stop();
}

static void a_killed_session_is_replaced_and_nothing_is_stored_twice(void **state)
{
	(void)state;
	start(OPTIONS("table=t"));
	test_expect_done(hand_over(1, "a"));
	QUERY("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'segrunner'");
	test_expect_answer(hand_over(2, "b"), SEG_OUTCOME_RETRY, 0, "connection");
	test_expect_done(hand_over(2, "b"));
	expect_rows("a b\n");
	stop();
}

static void a_killed_server_is_waited_for_by_retries(void **state)
{
	(void)state;
	start(OPTIONS("table=t"));
	test_expect_done(hand_over(1, "a"));
	test_postgres_kill(postgres);
	test_expect_answer(hand_over(2, "b"), SEG_OUTCOME_RETRY, 0, NULL);
	test_expect_answer(hand_over(2, "b"), SEG_OUTCOME_RETRY, 0, "cannot connect");
	char error[512];
	assert_null(test_plugin_try_open(plugin, 8, error));
	test_postgres_restart(postgres);
	test_expect_done(hand_over(2, "b"));
	expect_rows("a b\n");
	stop();
}

static void a_server_that_hangs_is_given_up_after_the_timeout(void **state)
{
	(void)state;
	start(OPTIONS("table=t", "timeout=300ms"));
	test_expect_done(hand_over(1, "a"));
	test_postgres_freeze(postgres);
	seg_answer answer = hand_over(2, "b");
	test_postgres_thaw(postgres);
	test_expect_answer(answer, SEG_OUTCOME_RETRY, 0, "did not answer within option.timeout");
	/*
	 * PostgreSQL may have stored the messages of the failed call or not; in the end each is stored once.
	 */
	while (hand_over(2, "b").outcome != SEG_OUTCOME_DONE)
		;
	test_expect_done(hand_over(3, "c"));
	expect_rows("a b c\n");
	stop();
}

static void a_lock_of_others_is_a_retry(void **state)
{
	(void)state;
	start(OPTIONS("table=t", "timeout=500ms"));
	char command[768];
	snprintf(command, sizeof(command),
		 "(echo 'BEGIN; LOCK TABLE t;'; echo \"SELECT 'locked';\";"
		 " while [ ! -e '%s/unlock' ]; do sleep 0.05; done) | %s/psql -X -q -A -t '%s'",
		 postgres->directory, postgres->programs, postgres->connection);
	FILE *locker = popen(command, "r");
	char line[32] = "";
	assert_non_null(fgets(line, sizeof(line), locker));
	seg_answer answer = hand_over(1, "a");
	snprintf(command, sizeof(command), "touch '%s/unlock'", postgres->directory);
	assert_int_equal(system(command), 0);
	pclose(locker);
	test_expect_answer(answer, SEG_OUTCOME_RETRY, 0, "statement timeout");
	test_expect_done(hand_over(1, "a"));
	expect_rows("a\n");
	stop();
}

/* --- refusals ------------------------------------------------------------------------------------------ */

static void a_row_that_the_table_refuses_is_a_dead_letter_and_the_others_are_stored(void **state)
{
	(void)state;
	start(OPTIONS("table=t"));
	const seg_message m[] = {test_message(1, "k", "a"), test_message(2, "k", "b"),
				 test_message(3, "k", "bad"), test_message(4, "k", "c"),
				 test_message(5, "k", "bad")};
	test_expect_answer(test_plugin_handle(plugin, partition, 7, 1, m, 5), SEG_OUTCOME_DEAD_LETTER, 2,
			   "violates check constraint");
	expect_rows("a b\n");
	expect_position("words|g|3|7|1000|2\n");
	test_expect_answer(test_plugin_handle(plugin, partition, 7, 1, m + 3, 2), SEG_OUTCOME_DEAD_LETTER, 1,
			   "violates check constraint");
	expect_rows("a b c\n");
	test_expect_answer(test_plugin_handle(plugin, partition, 7, 1, m + 4, 1), SEG_OUTCOME_DEAD_LETTER, 0,
			   NULL);
	stop();
}

/* An index takes values of at most 2,704 bytes (a third of a page). Bytes that compress well would fit. */
static void a_value_that_is_too_long_for_an_index_is_a_dead_letter(void **state)
{
	(void)state;
	char text[16001] = "";
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)('!' + random() % 90);
	QUERY("CREATE INDEX ON t (data)");
	start(OPTIONS("table=t"));
	const seg_message m[] = {test_message(1, "k", "a"), test_message(2, "k", text),
				 test_message(3, "k", "b")};
	test_expect_answer(test_plugin_handle(plugin, partition, 7, 1, m, 3), SEG_OUTCOME_DEAD_LETTER, 1,
			   "index row");
	test_expect_done(test_plugin_handle(plugin, partition, 7, 1, m + 2, 1));
	expect_rows("a b\n");
	stop();
}

static void a_row_that_is_refused_only_at_the_end_is_found_too(void **state)
{
	(void)state;
	QUERY("ALTER TABLE t ADD CONSTRAINT once UNIQUE (data) DEFERRABLE INITIALLY DEFERRED");
	start(OPTIONS("table=t"));
	const seg_message m[] = {test_message(1, "k", "a"), test_message(2, "k", "b"),
				 test_message(3, "k", "a"), test_message(4, "k", "c")};
	test_expect_answer(test_plugin_handle(plugin, partition, 7, 1, m, 4), SEG_OUTCOME_DEAD_LETTER, 2,
			   "duplicate key");
	expect_rows("a b\n");
	test_expect_done(test_plugin_handle(plugin, partition, 7, 1, m + 3, 1));
	expect_rows("a b c\n");
	stop();
}

static void data_that_cannot_be_text_becomes_a_dead_letter(void **state)
{
	(void)state;
	start(OPTIONS("table=t"));
	seg_message nul = test_message(2, "k", ""), no_utf8 = test_message(2, "k", "\xff");
	nul.data = "a\0b";
	nul.data_length = 3;
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(1, "k", "a"), nul),
			   SEG_OUTCOME_DEAD_LETTER, 1, "a NUL byte cannot be stored in column \"data\"");
	test_expect_answer(test_plugin_hand_over(plugin, partition, no_utf8), SEG_OUTCOME_DEAD_LETTER, 0,
			   "invalid byte sequence");
	expect_rows("a\n");
	stop();
}

static void an_option_decides_on_a_row_whose_key_exists(void **state)
{
	(void)state;
	QUERY("CREATE UNIQUE INDEX ON t (key)");
	start(OPTIONS("table=t"));
	test_expect_done(hand_over(1, "a"));
	test_expect_answer(hand_over(2, "b"), SEG_OUTCOME_DEAD_LETTER, 0, "duplicate key");
	stop();
	start(OPTIONS("table=t", "on_conflict=skip"));
	test_expect_done(hand_over(3, "c"));
	expect_rows("a\n");
	stop();
	start(OPTIONS("table=t", "on_conflict=update", "key_columns=key"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(4, "k", "d"),
					       test_message(5, "k", "e")));
	expect_rows("e\n");
	stop();
}

/* --- mistakes -------------------------------------------------------------------------------------- */

static void opening_a_partition_reports_what_the_database_lacks(void **state)
{
	(void)state;
	char error[512];
	plugin = test_plugin_start("postgres", OPTIONS("table=nowhere"));
	assert_null(test_plugin_try_open(plugin, 7, error));
	assert_non_null(strstr(error, "relation \"nowhere\" does not exist"));
	test_plugin_stop(plugin);
	plugin = test_plugin_start("postgres", OPTIONS("table=t", "columns=nix=key"));
	assert_null(test_plugin_try_open(plugin, 7, error));
	assert_non_null(strstr(error, "column \"nix\" of relation \"t\" does not exist"));
	test_plugin_stop(plugin);
	plugin = test_plugin_start("postgres", OPTIONS("table=t", "create=no", "position_table=p.q"));
	assert_null(test_plugin_try_open(plugin, 7, error));
	assert_non_null(strstr(error, "relation \"p.q\" does not exist"));
	test_plugin_stop(plugin);
}

static void options_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	test_plugin_refuses("postgres", (const char *const[]){"connection=host", "table=t", NULL},
			    "option.connection is not a valid connection string");
	test_plugin_refuses("postgres", OPTIONS("table=a.b.c"), "option.table must be");
	test_plugin_refuses("postgres", OPTIONS("table=\"a"), "option.table must be");
	test_plugin_refuses("postgres", OPTIONS("table=t", "columns=id, when"), "is invalid at part 2");
	test_plugin_refuses("postgres", OPTIONS("table=t", "columns=id,"), "is invalid at part 2");
	test_plugin_refuses("postgres", OPTIONS("table=t", "columns=a=header."), "is invalid at part 1");
	test_plugin_refuses("postgres", OPTIONS("table=t", "on_conflict=update"),
			    "option.on_conflict must be");
	test_plugin_refuses("postgres", OPTIONS("table=t", "on_conflict=update", "key_columns=id,"),
			    "option.on_conflict must be");
	test_plugin_refuses("postgres", OPTIONS("table=t", "timeout=0"),
			    "option.timeout must be at least 10ms");
}

#define TEST(name) cmocka_unit_test_setup(name, make_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_and_position_are_stored_together),
		TEST(each_column_takes_its_field_in_its_own_type),
		TEST(a_large_batch_is_one_transaction),
		TEST(messages_that_come_again_are_skipped),
		TEST(a_former_owner_stores_nothing),
		TEST(a_position_that_moved_unseen_is_read_again),
		TEST(a_killed_session_is_replaced_and_nothing_is_stored_twice),
		TEST(a_killed_server_is_waited_for_by_retries),
		TEST(a_server_that_hangs_is_given_up_after_the_timeout),
		TEST(a_lock_of_others_is_a_retry),
		TEST(a_row_that_the_table_refuses_is_a_dead_letter_and_the_others_are_stored),
		TEST(a_value_that_is_too_long_for_an_index_is_a_dead_letter),
		TEST(a_row_that_is_refused_only_at_the_end_is_found_too),
		TEST(data_that_cannot_be_text_becomes_a_dead_letter),
		TEST(an_option_decides_on_a_row_whose_key_exists),
		TEST(opening_a_partition_reports_what_the_database_lacks),
		TEST(options_that_make_no_sense_are_refused),
	};
	if (!test_plugin_is_built("postgres") || !test_postgres_is_installed())
		return 0;
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
