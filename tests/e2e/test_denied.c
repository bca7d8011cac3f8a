/*
 * test_denied.c - what a Redis denies: what the library can do without costs one warning, and what it needs is refused in
 * a sentence that names the right.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/consumer.h"
#include "harness/rig.h"
#include "harness/segctl.h"

enum { PATIENCE_MS = 20000 };

static char address[160]; /* with the user app and its password */
static char logged[16384];

static void note(void *arg, const seg_log_event *event)
{
	(void)arg;
	size_t n = strlen(logged);
	if (event->level >= SEG_LOG_WARNING)
		snprintf(logged + n, sizeof(logged) - n, "%s\n", event->text);
}

/* Instead of an older one. */
static void start(const char *arguments)
{
	test_rig_start(arguments);
	snprintf(address, sizeof(address), "unix://app:pw@%s", rig.server->socket);
	logged[0] = '\0';
}

static int set_up(void **state)
{
	test_rig_set_up_directory(state);
	start("--appendonly yes --appendfsync always");
	return 0;
}

/* The user app may do everything but this. */
static void deny(const char *rights)
{
	char command[256];
	snprintf(command, sizeof(command), "ACL SETUSER app on >pw ~* &* +@all %s", rights);
	test_rig_tell(command);
}

static int times(const char *text, const char *part)
{
	int n = 0;
	for (const char *found = text; (found = strstr(found, part)); found++)
		n++;
	return n;
}

static void warned_once(const char *part)
{
	if (times(logged, part) != 1)
		fail_msg("\"%s\" was not said once, but %d times:\n%s", part, times(logged, part), logged);
}

static seg_client_options options_for(const char *url)
{
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = url;
	options.log = note;
	return options;
}

static seg_client *open_client(void)
{
	seg_client *client;
	seg_error error;
	seg_client_options options = options_for(address);
	if (seg_client_open(&options, &client, &error))
		fail_msg("%s", error.text);
	return client;
}

/* Opening fails, with this status and a sentence that has this part. */
static void is_refused(const char *url, int status, const char *part)
{
	seg_client *client;
	seg_error error;
	seg_client_options options = options_for(url);
	options.timeout_ms = 2000;
	assert_int_equal(seg_client_open(&options, &client, &error), status);
	if (!strstr(error.text, part))
		fail_msg("\"%s\" does not say \"%s\"", error.text, part);
}

/* --- sending and consuming ----------------------------------------------------------------- */

static seg_stream *register_stream(seg_client *client)
{
	seg_error error;
	seg_stream *stream;
	seg_stream_shape shape = {.partitions = 4, .partition_size = 1000};
	if (seg_stream_register(client, "s", &shape, &stream, &error))
		fail_msg("%s", error.text);
	return stream;
}

static void send_one(seg_stream *stream, const char *key)
{
	seg_error error;
	seg_record record = {.key = key, .key_length = strlen(key), .data = "d", .data_length = 1};
	if (seg_stream_send(stream, &record, NULL, &error))
		fail_msg("%s", error.text);
}

/* Takes the next batch, which must have one message. */
static void take_one(seg_consumer *consumer)
{
	seg_error error = {0};
	const seg_batch *batch = NULL;
	if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
		fail_msg("no message came: %s", error.text);
	assert_int_equal(batch->count, 1);
	if (seg_consumer_commit(consumer, batch, batch->count, &error))
		fail_msg("%s", error.text);
	seg_consumer_release(consumer, batch);
}

/* Sends and consumes one message after another, to partitions in turn. Returns how long the slowest took, in ms. */
static long long slowest_of(seg_stream *stream, seg_consumer *consumer, int messages)
{
	long long slowest = 0;
	for (int i = 0; i < messages; i++) {
		char key[16];
		snprintf(key, sizeof(key), "k%d", i);
		long long sent = test_now_ms();
		send_one(stream, key);
		take_one(consumer);
		long long took = test_now_ms() - sent;
		slowest = took > slowest ? took : slowest;
	}
	return slowest;
}

/* Sends and consumes under the user app. Returns how long the slowest message took, in ms. */
static long long use(int messages)
{
	seg_error error;
	seg_client *client = open_client();
	seg_stream *stream = register_stream(client);
	seg_consumer *consumer = test_consumer_join(client, "s", 0);
	slowest_of(stream, consumer, 1);
	long long slowest = slowest_of(stream, consumer, messages);
	if (seg_consumer_close(consumer, PATIENCE_MS, &error))
		fail_msg("%s", error.text);
	seg_stream_close(stream);
	seg_client_close(client);
	return slowest;
}

/*
 * Whether no message took a second. Without CLIENT UNBLOCK only those are slow whose partition is not in the read under way, so each
 * counts; but a busy machine may hold one up, so there are several tries.
 */
static bool messages_are_quick(void)
{
	enum { TRIES = 3, MESSAGES = 40, QUICK_MS = 1000 };
	bool quick = false;
	for (int i = 0; i < TRIES && !quick; i++) {
		logged[0] = '\0';
		quick = use(MESSAGES) < QUICK_MS;
	}
	return quick;
}

static long long calls_of(const char *command)
{
	char name[64];
	snprintf(name, sizeof(name), "cmdstat_%s:calls=", command);
	redisReply *reply = test_server_command(rig.redis, "INFO commandstats");
	const char *found = strstr(reply->str, name);
	long long calls = found ? atoll(found + strlen(name)) : 0;
	freeReplyObject(reply);
	return calls;
}

/* --- scripts ----------------------------------------------------------------------------------- */

static void scripts_that_cannot_be_loaded_are_sent_once_on_each_connection(void **state)
{
	(void)state;
	deny("-script");
	use(20);
	warned_once("the user app may not run SCRIPT LOAD");
	warned_once("grant +script|load");
	assert_int_equal(calls_of("script|load"), 0);
	/* Each send but the first one; how many commits there are depends on the machine. */
	assert_true(calls_of("evalsha") > 20);
	/* Three connections: each has tried EVAL, and has sent no more scripts than there are. */
	assert_in_range(calls_of("eval"), 3, 3 * 14);
}

static void scripts_that_redis_forgets_are_sent_again(void **state)
{
	(void)state;
	deny("-script");
	seg_client *client = open_client();
	seg_stream *stream = register_stream(client);
	for (int i = 0; i < 5; i++) {
		test_rig_tell("SCRIPT FLUSH");
		send_one(stream, "k");
	}
	seg_stream_close(stream);
	seg_client_close(client);
}

static void a_user_who_may_run_no_script_is_refused_at_once(void **state)
{
	(void)state;
	deny("-script -eval -evalsha");
	long long before = test_now_ms();
	is_refused(address, SEG_EAUTH, "the user app may run no scripts");
	is_refused(
		address, SEG_EAUTH,
		"'eval' command), and without them nothing works; grant +evalsha +script|load: `segctl acl`");
	assert_true(test_now_ms() - before < 2000);
	deny("-script -evalsha");
	is_refused(address, SEG_EAUTH, "the user app may run no scripts");
}

static void a_runner_without_scripts_ends_at_once_and_says_why(void **state)
{
	(void)state;
	deny("-script -eval -evalsha");
	rig.runner = test_runner_run("[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\nplugin = "
				     "%s/tests/plugins/record.so\noption.path = %s\n",
				     address, test_build_directory(), rig.deliveries);
	assert_int_equal(test_runner_wait(rig.runner), EX_NOPERM);
	assert_int_equal(test_runner_times_said(rig.runner, "the user app may run no scripts"), 1);
}

static void a_server_without_scripts_is_refused_at_once(void **state)
{
	(void)state;
	start("--rename-command SCRIPT none1 --rename-command EVAL none2 --rename-command EVALSHA none3");
	deny("");
	long long before = test_now_ms();
	is_refused(address, SEG_EPROTOCOL, "runs no scripts");
	assert_true(test_now_ms() - before < 1500);
}

/* --- niceties ----------------------------------------------------------------------------------- */

static void denied_config_is_one_warning(void **state)
{
	(void)state;
	deny("-config");
	use(3);
	warned_once("the user app may not run CONFIG GET");
	warned_once("grant +config|get");
}

static void without_client_messages_are_quick_and_the_connections_have_names(void **state)
{
	(void)state;
	deny("-client");
	assert_true(messages_are_quick());
	warned_once("the user app may not run CLIENT UNBLOCK");
	assert_null(strstr(logged, "CLIENT ID")); /* HELLO does the same */
	seg_client *client = open_client();
	redisReply *reply = test_server_command(rig.redis, "CLIENT LIST");
	assert_non_null(strstr(reply->str, "name=segmenter-client"));
	freeReplyObject(reply);
	seg_client_close(client);
}

static void where_client_and_hello_are_renamed_messages_are_quick(void **state)
{
	(void)state;
	start("--appendonly yes --rename-command CLIENT none1 --rename-command HELLO none2");
	deny("");
	assert_true(messages_are_quick());
	warned_once("refuses CLIENT ID (ERR unknown command");
}

static void all_niceties_denied_together_are_a_warning_each(void **state)
{
	(void)state;
	deny("-client -config -info -script -select");
	use(20);
	assert_int_equal(times(logged, "may not run"), 4);
	warned_once("may not run SCRIPT LOAD");
	warned_once("may not run CLIENT UNBLOCK");
	warned_once("may not run INFO");
	warned_once("may not run CONFIG GET");
}

static void another_database_is_refused_in_a_sentence(void **state)
{
	(void)state;
	char url[200];
	deny("-select");
	snprintf(url, sizeof(url), "%s?db=3", address);
	is_refused(url, SEG_EAUTH, "refuses database 3");
	is_refused(url, SEG_EAUTH, "grant +select");
	is_refused(url, SEG_EAUTH, "to use database 0");
	deny("");
	snprintf(url, sizeof(url), "%s?db=300", address);
	is_refused(url, SEG_EINVAL, "refuses database 300");
}

/* --- INFO --------------------------------------------------------------------------------------- */

static void without_info_a_replica_is_refused_all_the_same(void **state)
{
	(void)state;
	test_server *master = test_server_start_tcp(NULL);
	char arguments[64];
	snprintf(arguments, sizeof(arguments), "--replicaof 127.0.0.1 %d", master->port);
	start(arguments);
	deny("-info");
	is_refused(address, SEG_ESERVER, "read-only replica");
	test_server_stop(master);
}

static void run(const char *more)
{
	test_segctl_good(rig.server->address, "stream create s -p 4");
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = a\nlog_level = debug\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\noption.path = %s\nsession_timeout = 600ms\n%s\n",
		address, test_build_directory(), rig.deliveries, more);
	test_runner_says_times(rig.runner, "owned from position", 4);
}

static void without_info_a_new_connection_is_no_replaced_redis(void **state)
{
	(void)state;
	deny("-info");
	run("");
	test_rig_tell("CLIENT KILL USER app");
	test_runner_says_times(rig.runner, "owned from position", 8);
	test_runner_says(rig.runner, "it cannot be seen whether this Redis has lost writes");
	assert_false(test_runner_has_said(rig.runner, "Redis was restarted or replaced"));
	assert_int_equal(test_runner_times_said(rig.runner, "may not run INFO"), 1);
}

/* --- rights that are taken away, and writes that are refused ------------------------------------------ */

static void a_right_that_is_taken_away_is_named_and_the_log_is_not_flooded(void **state)
{
	(void)state;
	deny("");
	run("");
	deny("-xread -evalsha");
	test_runner_says(rig.runner, "run the 'xread' command; grant +xread");
	test_runner_says(rig.runner, "run the 'evalsha' command; grant +evalsha");
	test_runner_says(rig.runner,
			 "the lease of member a has expired: Redis refuses the heartbeats: NOPERM");
	assert_int_equal(test_runner_times_said(rig.runner, "Redis refused the heartbeat"), 1);
	assert_true(test_runner_times_said(rig.runner, "NOPERM") < 8);
	deny("");
	test_segctl_run(rig.server->address, "x\n", "send s --key k");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* More calls than one blocking read and one read of each of the four partitions. */
static bool reads_were_rejected(void *arg)
{
	(void)arg;
	redisReply *reply = test_server_command(rig.redis, "INFO commandstats");
	const char *reads = strstr(reply->str, "cmdstat_xread:");
	const char *rejected = reads ? strstr(reads, "rejected_calls=") : NULL;
	long long count = rejected ? atoll(rejected + strlen("rejected_calls=")) : 0;
	freeReplyObject(reply);
	return count >= 8;
}

static void a_right_that_all_partitions_lack_is_not_named_for_each_of_them(void **state)
{
	(void)state;
	deny("");
	run("");
	deny("-xread");
	test_wait_until(reads_were_rejected, NULL, PATIENCE_MS, "Redis rejects the reads");
	test_runner_says(rig.runner, "Redis refused a read: NOPERM");
	deny("");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	assert_false(test_runner_has_said(rig.runner, "Redis refused to read __default:s:partition_"));
}

static void refused_heartbeats_say_why_the_lease_has_expired(void **state)
{
	(void)state;
	deny("");
	run("");
	test_rig_tell("CONFIG SET min-replicas-to-write 1");
	test_runner_says(rig.runner,
			 "the lease of member a has expired: Redis refuses the heartbeats: NOREPLICAS");
	test_rig_tell("CONFIG SET min-replicas-to-write 0");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	assert_int_equal(test_runner_times_said(rig.runner, "has expired: Redis refuses"), 1);
}

static void a_server_that_stops_answering_is_why_the_lease_has_expired(void **state)
{
	(void)state;
	deny("");
	run("");
	kill(rig.server->pid, SIGSTOP);
	test_runner_says(rig.runner, "the lease of member a has expired: ");
	kill(rig.server->pid, SIGCONT);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(scripts_that_cannot_be_loaded_are_sent_once_on_each_connection),
		TEST(scripts_that_redis_forgets_are_sent_again),
		TEST(a_user_who_may_run_no_script_is_refused_at_once),
		TEST(a_runner_without_scripts_ends_at_once_and_says_why),
		TEST(a_server_without_scripts_is_refused_at_once),
		TEST(denied_config_is_one_warning),
		TEST(without_client_messages_are_quick_and_the_connections_have_names),
		TEST(where_client_and_hello_are_renamed_messages_are_quick),
		TEST(all_niceties_denied_together_are_a_warning_each),
		TEST(another_database_is_refused_in_a_sentence),
		TEST(without_info_a_replica_is_refused_all_the_same),
		TEST(without_info_a_new_connection_is_no_replaced_redis),
		TEST(a_right_that_is_taken_away_is_named_and_the_log_is_not_flooded),
		TEST(a_right_that_all_partitions_lack_is_not_named_for_each_of_them),
		TEST(refused_heartbeats_say_why_the_lease_has_expired),
		TEST(a_server_that_stops_answering_is_why_the_lease_has_expired),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
