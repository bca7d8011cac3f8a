/* test_admin.c - the admin server of a real segrunner: probes, metrics, JSON, and access rights. */
#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
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

#include "harness/group.h"
#include "harness/http.h"
#include "harness/rig.h"
#include "admin/server.h"
#include "base/clock.h"

enum { PATIENCE_MS = 20000 };

static int port;

/* Runs a runner "only" of stream "s" and group "g", with more lines for [runner] and for its [consumer c]. */
static test_runner *make(const char *more_runner, const char *more_consumer)
{
	return test_runner_make(
		"[redis]\naddress = %s\n[runner]\nname = only\n%s\n[consumer c]\nstream = s\ngroup = g\n"
		"partitions = 4\n" TEST_MORTAL "retry_backoff = 10ms\nretry_backoff_max = 10ms\n"
		"plugin = %s/tests/plugins/record.so\noption.path = %s\noption.block_file = %s\n%s\n",
		rig.server->address, more_runner, test_build_directory(), rig.deliveries, rig.block,
		more_consumer);
}

static void start(const char *more_runner, const char *more_consumer)
{
	test_runner_free(rig.runner);
	rig.runner = make(more_runner, more_consumer);
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	port = test_http_port(rig.runner);
}

static void start_ready(const char *more_runner, const char *more_consumer)
{
	start(more_runner, more_consumer);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
}

/* Adds so many messages with that data to partition 0. */
static void add(int count, const char *data)
{
	for (int i = 0; i < count; i++)
		test_rig_tell("XADD __default:s:partition_0 * partitionKey k data %s", data);
}

/* The answer to a GET, valid until the next GET. */
static const char *get(const char *path)
{
	static test_http_answer answer;
	test_http_free(&answer);
	answer = test_http_get(port, path);
	return answer.body;
}

static double metric(const char *name)
{
	char sample[128];
	snprintf(sample, sizeof(sample), "segmenter_%s{stream=\"s\",group=\"g\"}", name);
	return test_metrics_value(get("/metrics"), sample);
}

static void wait_for(const char *path, int status, const char *text)
{
	test_http_wait(port, path, status, text);
}

/* A request waits for the first reading for a second only, and a reading may be of before the runner had its share. */
static void wait_until_read(void)
{
	wait_for("/metrics", 200, "segmenter_group_partitions_unowned{stream=\"s\",group=\"g\"} 0\n");
}

/* --- probes ------------------------------------------------------------------------------ */

static void a_runner_is_ready_once_all_its_sections_have_joined(void **state)
{
	(void)state;
	start("admin = 127.0.0.1:0", "");
	wait_for("/readyz", 200, "ready\n");
	assert_string_equal(get("/livez"), "alive\n");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* They connect, send a part of a request, and then a byte now and then. */
static void slow_clients_keep_no_probe_out(void **state)
{
	enum { SLOW = 400 };
	int slow[SLOW];
	struct sockaddr_in where = {.sin_family = AF_INET};
	(void)state;
	start_ready("admin = 127.0.0.1:0", "");
	where.sin_port = htons((uint16_t)port);
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < SLOW; i++) {
			if (round == 0) {
				slow[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
				assert_int_equal(connect(slow[i], (struct sockaddr *)&where, sizeof(where)),
						 0);
			}
			(void)!send(slow[i],
				    round ? "x" : "GET /metrics HTTP/1.1\r\nX-Slow: ", round ? 1 : 31,
				    MSG_NOSIGNAL);
		}
		int64_t before = seg_now();
		assert_string_equal(get("/livez"), "alive\n");
		assert_string_equal(get("/readyz"), "ready\n");
		assert_true(seg_now() - before < 5 * SEG_SECOND);
	}
	for (int i = 0; i < SLOW; i++)
		close(slow[i]);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void a_runner_without_redis_lives_and_says_why_it_is_not_ready(void **state)
{
	(void)state;
	test_server_kill(rig.server);
	start("admin = 127.0.0.1:0", "");
	assert_int_equal(test_http_status(port, "/livez"), 200);
	wait_for("/readyz", 503, "[consumer c] has not started: cannot connect to ");
	test_server_restart(rig.server);
	wait_for("/readyz", 200, "ready\n");
	test_server_kill(rig.server);
	wait_for("/readyz", 503, "[consumer c] has lost its lease");
	assert_int_equal(test_http_status(port, "/metrics"), 200);
	assert_int_equal(test_http_status(port, "/livez"), 200);
	test_server_restart(rig.server);
	wait_for("/readyz", 200, "ready\n");
}

static void a_message_that_fails_again_and_again_degrades_the_runner_but_it_stays_ready(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "max_attempts = 0\noption.fail = bad*");
	wait_for("/readyz", 200, "ready\n");
	add(1, "bad");
	wait_for("/readyz", 200, "ready, but degraded\n[consumer c] partition 0: message ");
	wait_for("/readyz", 200, " fails: told to fail; attempt ");
	test_rig_tell("XADD __default:s:partition_1 * partitionKey k data bad");
	wait_for("/readyz", 200, "[consumer c] 2 partitions retry a message; partition 0: message ");
	/* With its kind, so that a page need not guess it. */
	wait_for("/api/v1/status", 200,
		 "\"causes\":[{\"kind\":\"hindrance\",\"consumer\":\"c\",\"reason\":\"[consumer c] 2 ");
	assert_true(metric("partitions_retrying") == 2);
	assert_true(metric("retries_total") >= 1);
}

static void a_partition_that_waits_for_room_among_the_dead_letters_is_named(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0",
		    "dead_letter_limit = 1\ndead_letter_overflow = stop\noption.dead_letter = dead*");
	add(2, "dead");
	wait_for("/readyz", 200, "ready, but degraded\n[consumer c] partition 0: message ");
	wait_for("/readyz", 200, " waits for room among the dead letters, for ");
	wait_for("/api/v1/groups/s/g", 200, "\"hindrance\":{\"kind\":\"full\"");
	test_rig_tell("DEL {__default:s:partition_0}:g:dead");
	wait_for("/readyz", 200, "ready\n");
	wait_for("/metrics", 200, "segmenter_messages_committed_total{stream=\"s\",group=\"g\"} 2\n");
}

/* It is named after half of handler_timeout here, and the runner ends after the whole of it. */
static void a_call_that_hangs_is_named_and_the_runner_stays_ready(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0\nhandler_timeout = 12s", "");
	fclose(fopen(rig.block, "w"));
	add(1, "x");
	wait_for("/readyz", 200, "ready, but degraded\n[consumer c] partition 0: a call hangs, for ");
	wait_for("/api/v1/groups/s/g", 200, "\"hindrance\":{\"kind\":\"hang\"");
	unlink(rig.block);
	wait_for("/readyz", 200, "ready\n");
	wait_for("/api/v1/groups/s/g", 200, "\"hindrance\":null");
}

static void a_runner_that_drains_is_not_ready(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "");
	fclose(fopen(rig.block, "w"));
	add(1, "x");
	wait_for("/metrics", 200, "segmenter_messages_fetched_total{stream=\"s\",group=\"g\"} 1\n");
	kill(rig.runner->pid, SIGTERM);
	wait_for("/readyz", 503, "the runner is stopping");
	unlink(rig.block);
	assert_int_equal(test_runner_wait(rig.runner), EX_OK);
}

static void a_runner_that_has_reloaded_ends_well(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "");
	kill(rig.runner->pid, SIGHUP);
	test_runner_says(rig.runner, "reloaded: 0 consumers started, 0 ended, 1 untouched");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* --- metrics ------------------------------------------------------------------------------- */

static void handled_retried_and_dead_lettered_messages_are_counted(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0",
		    "option.dead_letter = dead*\noption.fail = bad*\noption.fail_times = 2");
	add(10, "good");
	add(1, "bad");
	add(2, "dead");
	wait_for("/metrics", 200, "segmenter_messages_committed_total{stream=\"s\",group=\"g\"} 13\n");
	wait_until_read();
	assert_true(metric("messages_fetched_total") == 13);
	assert_true(metric("messages_handled_total") == 13);
	assert_true(metric("retries_total") == 2);
	assert_true(metric("dead_letters_total") == 2);
	assert_true(metric("partitions_owned") == 4);
	assert_true(metric("partitions_retrying") == 0);
	assert_true(metric("group_members") == 1);
	assert_true(metric("group_partitions_unowned") == 0);
	assert_true(metric("commits_total") >= 1);
	assert_true(metric("commits_total") == metric("commit_duration_seconds_count"));
	assert_true(metric("handler_duration_seconds_count") >= 4);
	assert_true(metric("handler_duration_seconds_sum") > 0);
	assert_true(metric("plugin_messages_total") >= 13);
	test_metrics_check(get("/metrics"));
}

static bool lag_is_seen(void *arg)
{
	const char *metrics = get("/metrics");
	(void)arg;
	return test_metrics_value(
		       metrics,
		       "segmenter_partition_lag_messages{stream=\"s\",group=\"g\",partition=\"0\"}") == 7 &&
	       test_metrics_value(
		       metrics, "segmenter_partition_lag_seconds{stream=\"s\",group=\"g\",partition=\"0\"}") >
		       0;
}

static void the_lag_of_a_stuck_handler_is_seen_in_messages_and_in_seconds(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "");
	fclose(fopen(rig.block, "w"));
	add(7, "x");
	test_wait_until(lag_is_seen, NULL, PATIENCE_MS, "lag is seen");
	unlink(rig.block);
	wait_for("/metrics", 200,
		 "segmenter_partition_lag_messages{stream=\"s\",group=\"g\",partition=\"0\"} 0\n");
	assert_true(test_metrics_value(get("/metrics"),
				       "segmenter_partition_lag_seconds{stream=\"s\",group=\"g\","
				       "partition=\"0\"}") == 0);
}

static void promtool_finds_nothing_to_say_about_the_metrics(void **state)
{
	(void)state;
	if (system("promtool --version >/dev/null 2>&1") != 0) {
		print_message("promtool is not installed (Debian: prometheus): skipped\n");
		skip();
	}
	start_ready("admin = 127.0.0.1:0", "");
	add(3, "x");
	test_group_wait_drained(rig.server->address, "s", "g");
	char command[256];
	snprintf(command, sizeof(command), "promtool check metrics <%s",
		 test_rig_write("metrics", "%s", get("/metrics")));
	assert_int_equal(system(command), 0);
}

/* --- JSON ---------------------------------------------------------------------------------- */

static json_t *get_json(const char *path)
{
	json_error_t error;
	json_t *json = json_loads(get(path), 0, &error);
	if (!json)
		fail_msg("%s is no JSON: %s", path, error.text);
	return json;
}

static void the_status_tells_of_each_consumer(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "");
	add(3, "x");
	wait_for("/metrics", 200, "segmenter_messages_committed_total{stream=\"s\",group=\"g\"} 3\n");
	json_t *status = get_json("/api/v1/status");
	const char *name, *health, *stream;
	json_int_t handled, owned;
	assert_int_equal(json_unpack(status, "{s:s, s:s, s:[{s:s, s:I, s:{s:I}}]}", "name", &name, "health",
				     &health, "consumers", "stream", &stream, "partitions_owned", &owned,
				     "counters", "messages_handled", &handled),
			 0);
	assert_string_equal(name, "only");
	assert_string_equal(health, "ready");
	assert_string_equal(stream, "s");
	assert_int_equal(owned, 4);
	assert_int_equal(handled, 3);
	json_decref(status);
}

static void a_group_is_described_partition_by_partition_and_others_are_not_found(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "");
	wait_until_read();
	json_t *group = get_json("/api/v1/groups/s/g");
	json_t *partitions = json_object_get(group, "partitions");
	assert_int_equal(json_array_size(partitions), 4);
	assert_int_equal(json_integer_value(json_object_get(group, "members")), 1);
	for (size_t i = 0; i < 4; i++) {
		json_t *partition = json_array_get(partitions, i);
		assert_int_equal(json_integer_value(json_object_get(partition, "partition")), i);
		assert_string_equal(json_string_value(json_object_get(partition, "owner")), "only");
		assert_true(json_is_null(json_object_get(partition, "node")));
		assert_true(json_is_false(json_object_get(partition, "unreachable")));
	}
	json_decref(group);
	assert_int_equal(test_http_status(port, "/api/v1/groups/s/other"), 404);
	assert_int_equal(test_http_status(port, "/api/v1/groups/s"), 404);
	assert_int_equal(test_http_status(port, "/api/v1/groups/"), 404);
}

/* The newest answer, in *arg. A reading has rates if there was one before it. */
static bool group_moves(void *arg)
{
	json_t **group = arg;
	json_decref(*group);
	add(20, "x");
	*group = get_json("/api/v1/groups/s/g");
	return json_number_value(json_object_get(*group, "committed_per_second")) > 0;
}

static void a_group_tells_the_rates_of_all_its_members_together(void **state)
{
	(void)state;
	json_t *group = NULL;
	start_ready("admin = 127.0.0.1:0", "");
	test_wait_until(group_moves, &group, PATIENCE_MS, "the group commits");
	double sum = 0;
	size_t i;
	json_t *partition;
	json_array_foreach(json_object_get(group, "partitions"), i, partition)
	{
		sum += json_number_value(json_object_get(partition, "committed_per_second"));
		assert_true(json_is_string(json_object_get(partition, "assigned_at")));
	}
	double whole = json_number_value(json_object_get(group, "committed_per_second"));
	assert_true(sum > whole * .99 && sum < whole * 1.01);
	assert_true(json_is_number(json_object_get(group, "added_per_second")));
	assert_true(json_is_integer(json_object_get(group, "lag")));
	json_decref(group);
}

static void members_are_listed_with_their_leases(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0\nadmin_url = http://runner.example:9464/", "");
	wait_until_read();
	json_t *group = get_json("/api/v1/groups/s/g");
	json_t *roster = json_object_get(group, "roster"), *member = json_array_get(roster, 0);
	assert_int_equal(json_array_size(roster), 1);
	assert_string_equal(json_string_value(json_object_get(member, "name")), "only");
	assert_true(json_is_true(json_object_get(member, "live")));
	assert_true(json_number_value(json_object_get(member, "lease_seconds")) > 0);
	assert_int_equal(json_integer_value(json_object_get(member, "partitions")), 4);
	assert_true(json_is_null(json_object_get(member, "limit")));
	assert_string_equal(json_string_value(json_object_get(member, "page")),
			    "http://runner.example:9464/");
	json_decref(group);
}

static void dead_letters_are_counted_by_reason(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "option.dead_letter = dead*");
	add(3, "dead");
	wait_for("/metrics", 200, "segmenter_dead_letters_total{stream=\"s\",group=\"g\"} 3\n");
	/* The look at the letters follows the reading. */
	wait_for("/api/v1/groups/s/g", 200, "\"letters_read\":3,\"reasons\":1,\"commonest\":[{");
	json_t *group = get_json("/api/v1/groups/s/g");
	json_t *reason =
		json_array_get(json_object_get(json_object_get(group, "dead_letter_reasons"), "commonest"),
			       0);
	assert_int_equal(json_integer_value(json_object_get(reason, "letters")), 3);
	assert_true(strlen(json_string_value(json_object_get(reason, "reason"))) > 0);
	assert_true(json_is_string(json_object_get(reason, "last_at")));
	json_decref(group);
}

static void redis_is_described(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "");
	wait_for("/api/v1/redis", 200, "\"used_memory\":");
	json_t *redis_json = get_json("/api/v1/redis");
	json_t *one = json_array_get(json_object_get(redis_json, "servers"), 0);
	assert_true(json_is_true(json_object_get(one, "answers")));
	assert_true(json_integer_value(json_object_get(one, "used_memory")) > 0);
	assert_true(json_number_value(json_object_get(one, "round_trip_seconds")) > 0);
	json_decref(redis_json);
}

static void after_is_a_whole_number(const char *route)
{
	static const char *const wrong[] = {"abc", "", "-1", "%201", "1x", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char path[96];
		snprintf(path, sizeof(path), "%s?after=%s", route, wrong[i]);
		wait_for(path, 400, "after must be a whole number");
	}
}

static void the_history_begins_with_the_first_reading_and_tells_only_what_is_new(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "");
	get("/api/v1/groups/s/g");
	wait_for("/api/v1/history/s/g", 200, "\"lag\":[0");
	json_t *history = get_json("/api/v1/history/s/g");
	json_t *times = json_object_get(history, "time_ms");
	const char *name;
	json_t *column;
	assert_true(json_integer_value(json_array_get(times, 0)) > 0);
	json_object_foreach(history, name, column) if (json_is_array(column))
		assert_int_equal(json_array_size(column), json_array_size(times));
	assert_int_equal(json_integer_value(json_object_get(history, "interval_seconds")), 10);
	char path[96];
	snprintf(path, sizeof(path), "/api/v1/history/s/g?after=%lld",
		 (long long)json_integer_value(json_array_get(times, json_array_size(times) - 1)));
	json_t *rest = get_json(path);
	assert_true(json_array_size(json_object_get(rest, "time_ms")) <= 1);
	json_decref(rest);
	json_decref(history);
	assert_int_equal(test_http_status(port, "/api/v1/history/s/other"), 404);
	assert_int_equal(test_http_status(port, "/api/v1/history/s/g?after=9999999999999999999"), 200);
	after_is_a_whole_number("/api/v1/history/s/g");
}

/* The event whose text has these words, borrowed from the list, or NULL. */
static json_t *event_that_says(json_t *events, const char *words)
{
	json_t *list = json_object_get(events, "events");
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *event = json_array_get(list, i);
		if (strstr(json_string_value(json_object_get(event, "text")), words))
			return event;
	}
	return NULL;
}

static void events_tell_what_the_log_tells_and_can_be_followed(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0", "option.dead_letter = dead*");
	add(1, "dead");
	wait_for("/api/v1/events", 200, "dead-lettered message");
	json_t *events = get_json("/api/v1/events");
	json_t *letter = event_that_says(events, "dead-lettered message");
	json_int_t number = json_integer_value(json_object_get(letter, "number"));
	assert_true(number >= 2 && number <= json_integer_value(json_object_get(events, "newest")));
	assert_string_equal(json_string_value(json_object_get(letter, "level")), "warning");
	assert_int_equal(json_integer_value(json_object_get(letter, "partition")), 0);
	json_decref(events);
	/* A slow machine may have told more in the meantime. */
	char path[64];
	snprintf(path, sizeof(path), "/api/v1/events?after=%lld", (long long)number - 1);
	events = get_json(path);
	letter = json_array_get(json_object_get(events, "events"), 0);
	assert_int_equal(json_integer_value(json_object_get(letter, "number")), number);
	json_decref(events);
	after_is_a_whole_number("/api/v1/events");
}

/* --- access rights ----------------------------------------------------------------------------- */

static void write_token(const char *token)
{
	test_rig_write("token", "%s\n", token);
}

static int status_with(const char *path, const char *headers)
{
	test_http_answer answer = test_http_ask(port, "GET", path, headers);
	int status = answer.status;
	test_http_free(&answer);
	return status;
}

static void with_a_token_only_its_holders_see_more_than_the_probes(void **state)
{
	(void)state;
	char lines[256];
	write_token("s3cret");
	snprintf(lines, sizeof(lines), "admin = 0.0.0.0:0\nadmin_token_file = %s", test_rig_path("token"));
	test_runner_free(rig.runner);
	rig.runner = make(lines, "");
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	test_runner_says(rig.runner, "admin: listening on http://0.0.0.0:");
	char output[4096] = "";
	FILE *file = fopen(rig.runner->output, "r");
	assert_non_null(file);
	output[fread(output, 1, sizeof(output) - 1, file)] = '\0';
	fclose(file);
	port = atoi(strstr(output, "0.0.0.0:") + strlen("0.0.0.0:"));
	assert_null(strstr(output, "s3cret"));

	static const char *const paths[] =
		{"/", "/metrics", "/api/v1/status", "/api/v1/events", "/api/v1/groups/s/g", "/nothing"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(status_with(paths[i], ""), 401);
		assert_int_equal(status_with(paths[i], "Authorization: Bearer wrong\r\n"), 401);
		assert_int_equal(status_with(paths[i], "Authorization: Bearer s3cre\r\n"), 401);
		assert_int_equal(status_with(paths[i], "Authorization: Basic !!!\r\n"), 401);
		/* user:wrong */
		assert_int_equal(status_with(paths[i], "Authorization: Basic dXNlcjp3cm9uZw==\r\n"), 401);
	}
	assert_int_equal(status_with("/metrics", "Authorization: Bearer s3cret\r\n"), 200);
	/* anyone:s3cret */
	assert_int_equal(status_with("/", "Authorization: Basic YW55b25lOnMzY3JldA==\r\n"), 200);
	assert_int_equal(status_with("/metrics", "Host: example.org\r\nAuthorization: Bearer s3cret\r\n"),
			 200);
	wait_for("/readyz", 200, "ready\n");
	assert_int_equal(status_with("/livez", ""), 200);
	test_server_kill(rig.server);
	wait_for("/readyz", 503, "not ready\n");
	assert_string_equal(get("/readyz"), "not ready\n");
}

static void a_web_page_cannot_make_a_browser_ask_under_a_foreign_name(void **state)
{
	(void)state;
	start("admin = 127.0.0.1:0", "");
	assert_int_equal(status_with("/metrics", "Host: example.org\r\n"), 403);
	assert_int_equal(status_with("/metrics", "Host: localhost.example.org:9464\r\n"), 403);
	assert_int_equal(status_with("/metrics", "Host: localhost:9464\r\n"), 200);
	assert_int_equal(status_with("/metrics", "Host: [::1]:9464\r\n"), 200);
}

static void nothing_can_be_changed(void **state)
{
	(void)state;
	start("admin = 127.0.0.1:0", "");
	static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH"};
	for (size_t i = 0; i < 4; i++) {
		test_http_answer answer =
			test_http_ask(port, methods[i], "/api/v1/status", "Content-Length: 0\r\n");
		assert_int_equal(answer.status, 405);
		assert_non_null(strstr(answer.text, "Allow: GET, HEAD"));
		test_http_free(&answer);
	}
	assert_int_equal(test_http_status(port, "/nothing"), 404);
}

static void check_refuses(const char *lines, const char *text)
{
	test_runner_free(rig.runner);
	rig.runner = make(lines, "");
	test_runner_start(rig.runner, (const char *const[]){"--check", "CONFIG", NULL});
	assert_int_equal(test_runner_wait(rig.runner), EX_CONFIG);
	test_runner_says(rig.runner, text);
}

static void an_address_that_others_reach_is_refused_without_a_token(void **state)
{
	(void)state;
	check_refuses("admin = 0.0.0.0:9464",
		      "test.ini:5: admin: other machines can reach 0.0.0.0:9464 without a token; add "
		      "admin_token_file = PATH, or listen on 127.0.0.1\n");
	check_refuses("admin = [::]:9464", "other machines can reach [::]:9464 without a token");
	check_refuses("admin = 9464", "\"9464\" is not an address and a port; write 127.0.0.1:9464");
	check_refuses("admin = 127.0.0.1:65536", "is not an address and a port");
	write_token("");
	char lines[256];
	snprintf(lines, sizeof(lines), "admin = 0.0.0.0:9464\nadmin_token_file = %s", test_rig_path("token"));
	check_refuses(lines, "is empty; write the token into it");
}

static void a_port_that_is_taken_ends_the_runner_with_a_clear_line(void **state)
{
	(void)state;
	char lines[64], text[128];
	start("admin = 127.0.0.1:0", "");
	snprintf(lines, sizeof(lines), "admin = 127.0.0.1:%d", port);
	snprintf(text, sizeof(text),
		 "admin: cannot listen on 127.0.0.1:%d: Address already in use; write another port", port);
	test_runner *second = make(lines, "");
	test_runner_start(second, (const char *const[]){"-c", "CONFIG", NULL});
	assert_int_equal(test_runner_wait(second), EX_OSERR);
	test_runner_says(second, text);
	test_runner_free(second);
}

static void clients_that_say_nothing_keep_no_probe_waiting(void **state)
{
	(void)state;
	enum { SILENT = 40 };
	int fds[SILENT];
	start_ready("admin = 127.0.0.1:0", "");
	for (int i = 0; i < SILENT; i++)
		fds[i] = test_http_connect(port);
	long long before = test_now_ms();
	assert_int_equal(test_http_status(port, "/livez"), 200);
	assert_true(test_now_ms() - before < 5000);
	add(3, "x");
	test_group_wait_drained(rig.server->address, "s", "g");
	for (int i = 0; i < SILENT; i++)
		close(fds[i]);
}

static long long ms_to_get(const char *path)
{
	long long before = test_now_ms();
	get(path);
	return test_now_ms() - before;
}

static bool is_unknown(void *name)
{
	return metric(name) < 0;
}

static void a_redis_that_hangs_keeps_no_probe_waiting_and_a_scrape_not_long(void **state)
{
	(void)state;
	start_ready("admin = 127.0.0.1:0\nshutdown_timeout = 1s", "");
	wait_for("/readyz", 200, "ready\n");
	wait_until_read();
	assert_true(metric("group_members") == 1);
	assert_int_equal(kill(rig.server->pid, SIGSTOP), 0);
	wait_for("/readyz", 503, "[consumer c] has lost its lease");
	for (int i = 0; i < 3; i++) {
		assert_true(ms_to_get("/livez") < 1000);
		assert_true(ms_to_get("/readyz") < 1000);
		assert_true(ms_to_get("/metrics") < 3000);
		assert_true(ms_to_get("/api/v1/groups/s/g") < 3000);
	}
	/* What is known no more is left out, and the time stays when it was read. */
	test_wait_until(is_unknown, "group_members", PATIENCE_MS, "the members are not known");
	assert_true(metric("group_read_timestamp_seconds") > 0);
	long long before = test_now_ms();
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_TEMPFAIL);
	assert_true(test_now_ms() - before < 10000);
	assert_int_equal(kill(rig.server->pid, SIGCONT), 0);
}

static void the_page_comes_from_here_alone(void **state)
{
	(void)state;
	start("admin = 127.0.0.1:0", "");
	test_http_answer page = test_http_get(port, "/");
	assert_int_equal(page.status, 200);
	assert_non_null(strstr(page.text, "Content-Security-Policy: default-src 'none'; style-src 'sha256-"));
	assert_non_null(strstr(page.text, "Content-Type: text/html"));
	static const char *const foreign[] = {"src=",  "@import",   "url(",    "https://", "<link",
					      "eval(", "innerHTML", " style=", "onclick"};
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (strstr(page.body, foreign[i]))
			fail_msg("the page holds %s", foreign[i]);
	test_http_free(&page);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_rig_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_runner_is_ready_once_all_its_sections_have_joined),
		TEST(slow_clients_keep_no_probe_out),
		TEST(a_runner_without_redis_lives_and_says_why_it_is_not_ready),
		TEST(a_message_that_fails_again_and_again_degrades_the_runner_but_it_stays_ready),
		TEST(a_partition_that_waits_for_room_among_the_dead_letters_is_named),
		TEST(a_call_that_hangs_is_named_and_the_runner_stays_ready),
		TEST(a_runner_that_drains_is_not_ready),
		TEST(a_runner_that_has_reloaded_ends_well),
		TEST(handled_retried_and_dead_lettered_messages_are_counted),
		TEST(the_lag_of_a_stuck_handler_is_seen_in_messages_and_in_seconds),
		TEST(promtool_finds_nothing_to_say_about_the_metrics),
		TEST(the_status_tells_of_each_consumer),
		TEST(a_group_is_described_partition_by_partition_and_others_are_not_found),
		TEST(a_group_tells_the_rates_of_all_its_members_together),
		TEST(members_are_listed_with_their_leases),
		TEST(dead_letters_are_counted_by_reason),
		TEST(redis_is_described),
		TEST(the_history_begins_with_the_first_reading_and_tells_only_what_is_new),
		TEST(events_tell_what_the_log_tells_and_can_be_followed),
		TEST(with_a_token_only_its_holders_see_more_than_the_probes),
		TEST(a_web_page_cannot_make_a_browser_ask_under_a_foreign_name),
		TEST(nothing_can_be_changed),
		TEST(an_address_that_others_reach_is_refused_without_a_token),
		TEST(a_port_that_is_taken_ends_the_runner_with_a_clear_line),
		TEST(clients_that_say_nothing_keep_no_probe_waiting),
		TEST(a_redis_that_hangs_keeps_no_probe_waiting_and_a_scrape_not_long),
		TEST(the_page_comes_from_here_alone),
	};
	if (!seg_server_is_built()) {
		print_message("built without libmicrohttpd: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
