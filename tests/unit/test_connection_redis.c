/*
 * A connection with a real Redis: it prepares at each connect, reconnects after each loss, and carries
 * replies of any size whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness/rig.h"
#include "redis/connection.h"

static seg_address address;
static seg_connection *connection;

static int setup(void **state)
{
	test_rig_set_up_directory(state);
	test_rig_start_with(&(test_server_options){.tcp = true});
	return 0;
}

static int teardown(void **state)
{
	seg_connection_destroy(connection);
	connection = NULL;
	seg_address_fini(&address);
	return test_rig_tear_down(state);
}

static void connect_to(const char *url)
{
	seg_error error;
	seg_connection_destroy(connection);
	seg_address_fini(&address);
	if (seg_address_parse(url, &address, &error))
		fail_msg("%s", error.text);
	seg_connection_options options = {.address = &address,
					  .client_name = "tester",
					  .connect_timeout = 5 * SEG_SECOND};
	options.logger = seg_logger_make(NULL, NULL);
	connection = seg_connection_create(&options);
	assert_non_null(connection);
}

static void wait_ready(void)
{
	if (seg_connection_wait_ready(connection, seg_now() + 10 * SEG_SECOND))
		fail_msg("not ready: %s", seg_connection_error(connection)->text);
}

/* --- one command and its answer ------------------------------------------------------------- */

typedef struct {
	bool done;
	bool lost;
	bool transient;
	seg_reply_type type;
	char text[256]; /* the first bytes of the answer; of an array, those of its first element */
	size_t length;
	uint64_t sum; /* of all bytes */
} answer;

static void keep(void *arg, const seg_reply *reply)
{
	answer *a = arg;
	a->done = true;
	a->lost = !reply;
	if (!reply)
		return;
	a->type = reply->type;
	a->transient = seg_reply_is_transient(reply);
	const seg_reply *text = reply->type == SEG_REPLY_ARRAY ? seg_reply_at(reply, 0) : reply;
	if (!text || !text->text)
		return;
	a->length = text->length;
	snprintf(a->text, sizeof(a->text), "%s", text->text);
	for (size_t i = 0; i < text->length; i++)
		a->sum += (unsigned char)text->text[i];
}

static void wait_for(const answer *a)
{
	if (seg_connection_wait(connection, &a->done, seg_now() + 20 * SEG_SECOND))
		fail_msg("no answer: %s", seg_connection_error(connection)->text);
}

static answer ask(const char *a, const char *b, const char *c)
{
	answer got = {0};
	wait_ready();
	assert_true(seg_connection_words(connection, keep, &got, a, b, c, (char *)NULL));
	wait_for(&got);
	return got;
}

static answer register_stream(void)
{
	answer got = {0};
	const char *argv[] = {"info", "4", "100", "reject", "1", "off"};
	wait_ready();
	assert_true(seg_connection_script(connection, SEG_SCRIPT_REGISTER, keep, &got, 1, 6, argv, NULL));
	wait_for(&got);
	return got;
}

/* --- preparing -------------------------------------------------------------------------------- */

static void a_fresh_connection_has_its_name_its_database_and_the_scripts(void **state)
{
	(void)state;
	char url[160];
	snprintf(url, sizeof(url), "%s?db=3", rig.server->address);
	test_rig_tell("SCRIPT FLUSH");
	connect_to(url);
	assert_string_equal(ask("CLIENT", "GETNAME", NULL).text, "tester");
	ask("SET", "here", "1");
	test_rig_tell("SELECT 3");
	redisReply *reply = test_server_command(rig.redis, "GET here");
	assert_string_equal(reply->str, "1");
	freeReplyObject(reply);
	assert_string_equal(register_stream().text, "OK");
}

static void users_and_passwords_are_what_redis_takes_them_for(void **state)
{
	(void)state;
	char url[160];
	test_rig_tell("ACL SETUSER alice on >p@ss/word ~* +@all");
	test_rig_tell("ACL SETUSER default off");
	snprintf(url, sizeof(url), "unix://alice:p%%40ss%%2fword@%s", rig.server->socket);
	connect_to(url);
	assert_string_equal(ask("ACL", "WHOAMI", NULL).text, "alice");
	snprintf(url, sizeof(url), "unix://alice:wrong@%s", rig.server->socket);
	connect_to(url);
	assert_int_equal(seg_connection_wait_ready(connection, seg_now() + 10 * SEG_SECOND), SEG_EAUTH);
	connect_to(rig.server->address);
	assert_int_equal(seg_connection_wait_ready(connection, seg_now() + 10 * SEG_SECOND), SEG_EAUTH);
	assert_non_null(strstr(seg_connection_error(connection)->text, "requires a password"));
}

static void a_host_name_is_tried_at_each_of_its_addresses(void **state)
{
	(void)state;
	char url[64];
	/* localhost may also mean ::1, where this Redis does not listen. */
	snprintf(url, sizeof(url), "redis://localhost:%d", rig.server->port);
	connect_to(url);
	assert_string_equal(ask("PING", NULL, NULL).text, "PONG");
}

static void a_host_that_there_is_not_is_named(void **state)
{
	(void)state;
	connect_to("redis://nowhere.invalid:7000");
	const seg_error *error = seg_connection_error(connection);
	int64_t deadline = seg_now() + 10 * SEG_SECOND;
	while (error->status == 0 && seg_now() < deadline)
		assert_int_equal(seg_connection_wait_ready(connection, seg_now() + SEG_MS), SEG_ETIMEOUT);
	assert_int_equal(error->status, SEG_EUNREACHABLE);
	assert_non_null(strstr(error->text, "cannot find the host of redis://nowhere.invalid:7000: "));
}

/* --- forgetting and losing ----------------------------------------------------------------------- */

static void a_script_that_redis_forgot_is_there_at_the_second_try(void **state)
{
	(void)state;
	connect_to(rig.server->address);
	assert_string_equal(register_stream().text, "OK");
	const uint64_t link = seg_connection_incarnation(connection);
	test_rig_tell("SCRIPT FLUSH");
	answer refused = register_stream();
	assert_int_equal(refused.type, SEG_REPLY_ERROR);
	assert_true(refused.transient);
	assert_string_equal(register_stream().text, "OK");
	assert_int_equal(seg_connection_incarnation(connection), link);
}

static void a_killed_client_comes_back_as_another_one(void **state)
{
	(void)state;
	char command[64];
	connect_to(rig.server->address);
	wait_ready();
	const uint64_t link = seg_connection_incarnation(connection);
	int64_t id = seg_connection_client_id(connection);
	assert_true(id > 0);
	answer blocked = {0};
	assert_true(seg_connection_words(connection, keep, &blocked, "BLPOP", "nothing", "0", (char *)NULL));
	seg_connection_flush(connection);
	snprintf(command, sizeof(command), "CLIENT KILL ID %lld", (long long)id);
	test_rig_tell(command);
	wait_for(&blocked);
	assert_true(blocked.lost);
	wait_ready();
	assert_true(seg_connection_client_id(connection) > id);
	assert_true(seg_connection_incarnation(connection) != link);
	assert_string_equal(ask("CLIENT", "GETNAME", NULL).text, "tester");
}

/* --- what Redis says before it closes ----------------------------------------------------------- */

static void a_full_redis_says_that_it_takes_no_more_connections(void **state)
{
	(void)state;
	test_rig_tell("CONFIG SET maxclients 1");
	for (int i = 0; i < 20; i++) {
		connect_to(rig.server->address);
		/* On a busy machine the answer takes longer than one wait. */
		int64_t until = seg_now() + 20 * SEG_SECOND;
		do
			assert_int_not_equal(seg_connection_wait_ready(connection,
								       seg_now() + SEG_SECOND / 20),
					     0);
		while (!seg_connection_error(connection)->status && seg_now() < until);
		if (!strstr(seg_connection_error(connection)->text, "raise its maxclients"))
			fail_msg("try %d: %s", i, seg_connection_error(connection)->text);
	}
}

static void a_message_that_is_too_large_for_redis_is_told_each_time(void **state)
{
	(void)state;
	enum { SIZE = 16 << 20 };
	char *large = malloc(SIZE + 1);
	assert_non_null(large);
	memset(large, 'x', SIZE);
	large[SIZE] = '\0';
	test_rig_tell("CONFIG SET proto-max-bulk-len 1mb");
	for (int i = 0; i < 10; i++) {
		answer got = {0};
		connect_to(rig.server->address);
		wait_ready();
		assert_true(seg_connection_words(connection, keep, &got, "ECHO", large, (char *)NULL));
		seg_connection_wait(connection, &got.done, seg_now() + 10 * SEG_SECOND);
		assert_true(got.done);
		if (got.lost || !strstr(got.text, "invalid bulk length"))
			fail_msg("try %d: %s", i, seg_connection_error(connection)->text);
		assert_non_null(strstr(seg_connection_error(connection)->text, "raise proto-max-bulk-len"));
	}
	free(large);
}

static void a_redis_that_starts_again_is_found_with_the_scripts_loaded(void **state)
{
	(void)state;
	connect_to(rig.server->address);
	wait_ready();
	answer blocked = {0};
	assert_true(seg_connection_words(connection, keep, &blocked, "BLPOP", "nothing", "0", (char *)NULL));
	seg_connection_flush(connection);
	const uint64_t link = seg_connection_incarnation(connection);
	test_server_kill(rig.server);
	wait_for(&blocked);
	assert_true(blocked.lost);
	assert_int_equal(seg_connection_wait_ready(connection, seg_now() + 300 * SEG_MS), SEG_ETIMEOUT);
	assert_false(seg_connection_words(connection, keep, &blocked, "PING", (char *)NULL));
	test_server_restart(rig.server);
	assert_string_equal(register_stream().text, "OK");
	assert_true(seg_connection_incarnation(connection) != link);
}

/* --- sizes ------------------------------------------------------------------------------------------ */

static void large_commands_and_large_answers_are_whole_though_neither_side_takes_them_at_once(void **state)
{
	(void)state;
	enum { LARGE = 16 * 1024 * 1024, TIMES = 4 };
	char *data = malloc(LARGE + 1);
	uint64_t sum = 0;
	for (size_t i = 0; i < LARGE; i++)
		sum += (unsigned char)(data[i] = (char)('a' + i * 7 % 26));
	data[LARGE] = '\0';
	connect_to(rig.server->address);
	wait_ready();
	/*
	 * All commands are in flight at once: a client that reads only after it has written everything would
	 * wait for ever.
	 */
	answer got[2 * TIMES] = {{0}};
	const char *set[] = {"SET", "large", data}, *get[] = {"GET", "large"};
	for (int i = 0; i < 2 * TIMES; i += 2) {
		assert_true(
			seg_connection_command(connection, keep, &got[i], 3, set, (size_t[]){3, 5, LARGE}));
		assert_true(seg_connection_command(connection, keep, &got[i + 1], 2, get, NULL));
	}
	for (int i = 0; i < 2 * TIMES; i++)
		wait_for(&got[i]);
	for (int i = 1; i < 2 * TIMES; i += 2) {
		assert_int_equal(got[i].length, LARGE);
		assert_true(got[i].sum == sum);
	}
	free(data);
}

/* --- entries ------------------------------------------------------------------------------------------ */

static char read_entries[256];

static bool take(const char *before, const char *text, size_t length)
{
	size_t n = strlen(read_entries);
	snprintf(read_entries + n, sizeof(read_entries) - n, "%s%.*s", before, (int)length, text);
	return true;
}

static bool take_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	(void)sink;
	return take("{", key, length);
}

static bool take_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	(void)sink;
	(void)texts;
	return take("(", id, length);
}

static bool take_text(seg_entry_sink *sink, const char *text, size_t length)
{
	(void)sink;
	return take(" ", text, length);
}

static void entries_go_to_the_sink_and_other_answers_around_them_do_not(void **state)
{
	(void)state;
	seg_entry_sink sink = {.stream = take_stream, .entry = take_entry, .text = take_text};
	answer before = {0}, entries = {0}, none = {0}, wrong = {0}, after = {0};
	const char *read[] = {"XREAD", "STREAMS", "log", "0"}, *at_end[] = {"XREAD", "STREAMS", "log", "$"};
	const char *no_stream[] = {"XREAD", "STREAMS", "text", "0"};
	test_rig_tell("XADD log 1-1 partitionKey k data d");
	test_rig_tell("XADD log 1-2 h v");
	test_rig_tell("SET text x");
	connect_to(rig.server->address);
	wait_ready();
	read_entries[0] = '\0';
	assert_true(
		seg_connection_words(connection, keep, &before, "LRANGE", "none", "0", "-1", (char *)NULL));
	assert_true(seg_connection_entries(connection, &sink, keep, &entries, 4, read, NULL));
	assert_true(seg_connection_entries(connection, &sink, keep, &none, 4, at_end, NULL));
	assert_true(seg_connection_entries(connection, &sink, keep, &wrong, 4, no_stream, NULL));
	assert_true(seg_connection_words(connection, keep, &after, "XRANGE", "log", "-", "+", (char *)NULL));
	wait_for(&after);
	assert_string_equal(read_entries, "{log(1-1 partitionKey k data d(1-2 h v");
	assert_int_equal(entries.type, SEG_REPLY_ARRAY);
	assert_int_equal(none.type, SEG_REPLY_NIL);
	assert_int_equal(wrong.type, SEG_REPLY_ERROR);
	assert_int_equal(after.type, SEG_REPLY_ARRAY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_connection_has_its_name_its_database_and_the_scripts),
		TEST(users_and_passwords_are_what_redis_takes_them_for),
		TEST(a_host_name_is_tried_at_each_of_its_addresses),
		TEST(a_host_that_there_is_not_is_named),
		TEST(a_script_that_redis_forgot_is_there_at_the_second_try),
		TEST(a_killed_client_comes_back_as_another_one),
		TEST(a_full_redis_says_that_it_takes_no_more_connections),
		TEST(a_message_that_is_too_large_for_redis_is_told_each_time),
		TEST(a_redis_that_starts_again_is_found_with_the_scripts_loaded),
		TEST(large_commands_and_large_answers_are_whole_though_neither_side_takes_them_at_once),
		TEST(entries_go_to_the_sink_and_other_answers_around_them_do_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
