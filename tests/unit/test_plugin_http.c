/* test_plugin_http.c - the plugin http and a real HTTP server that answers as the test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/plugin.h"
#include "harness/rig.h"

enum { PATIENCE_MS = 20000 };

static char url[96];
static pid_t server;

#define OPTIONS(...) ((const char *const[]){url, __VA_ARGS__, NULL})

/* --- the server ------------------------------------------------------------------------------------ */

static bool has_port(void *arg)
{
	(void)arg;
	return access(test_rig_path("port"), F_OK) == 0;
}

static int start_server(void **state)
{
	char script[512];
	int port = 0;
	test_rig_set_up_directory(state);
	snprintf(script, sizeof(script), "%s/tests/harness/http_server.py", getenv("SEG_SOURCE_DIR"));
	pid_t parent = getpid();
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			execlp("python3", "python3", script, rig.directory, (char *)NULL);
		_exit(127);
	}
	test_wait_until(has_port, NULL, PATIENCE_MS, "the HTTP server listens");
	FILE *file = fopen(test_rig_path("port"), "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &port), 1);
	fclose(file);
	snprintf(url, sizeof(url), "url=http://127.0.0.1:%d/orders?x=1", port);
	return 0;
}

static void end_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

static int stop_server(void **state)
{
	end_server();
	return test_rig_tear_down(state);
}

static void answers(const char *lines)
{
	test_rig_write("answers", "%s", lines);
}

/* Request number n as the server noted it; NULL: there were fewer requests. Free it with json_decref. */
static json_t *request(int n)
{
	json_t *found = NULL;
	FILE *file = fopen(test_rig_path("requests"), "r");
	for (int i = 0; file && i <= n; i++) {
		json_decref(found);
		found = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);
	}
	if (file)
		fclose(file);
	return found;
}

static void expect_requests(int count)
{
	json_t *last = request(count - 1), *beyond = request(count);
	if (!last || beyond)
		fail_msg("there were %s requests than %d", last ? "more" : "fewer", count);
	json_decref(last);
	json_decref(beyond);
}

static void expect_header(int n, const char *name, const char *expected)
{
	json_t *r = request(n);
	assert_non_null(r);
	const char *value = json_string_value(json_object_get(json_object_get(r, "headers"), name));
	if (expected)
		assert_string_equal(value ? value : "(none)", expected);
	else
		assert_null(value);
	json_decref(r);
}

static void expect_body(int n, const char *expected)
{
	json_t *r = request(n);
	assert_non_null(r);
	assert_string_equal(json_string_value(json_object_get(r, "body")), expected);
	json_decref(r);
}

/* How many messages request n contained. */
static size_t size_of(int n)
{
	json_t *r = request(n);
	assert_non_null(r);
	json_t *list = json_loads(json_string_value(json_object_get(r, "body")), 0, NULL);
	size_t size = json_array_size(list);
	json_decref(list);
	json_decref(r);
	return size;
}

/* --- the plugin ---------------------------------------------------------------------------------- */

static test_plugin *plugin;
static void *partition;
static seg_message eight[8];

static void start(const char *const *options)
{
	plugin = test_plugin_start("http", options);
	partition = test_plugin_open(plugin, 7);
	for (uint64_t i = 0; i < 8; i++)
		eight[i] = test_message(i + 1, "k", "d");
}

static void stop(void)
{
	test_plugin_close(plugin, partition);
	test_plugin_stop(plugin);
}

static seg_answer hand_over(size_t from, size_t count)
{
	return test_plugin_handle(plugin, partition, 7, 1, eight + from, count);
}

#define MESSAGE(n)                                                                            \
	"{\"stream\":\"words\",\"group\":\"g\",\"partition\":3,\"epoch\":7,\"id\":\"1000-" #n \
	"\",\"attempt\":1,\"key\":\"k\",\"data\":\"d\"}"

static void a_batch_is_one_json_array_on_one_connection_that_is_kept(void **state)
{
	(void)state;
	start(OPTIONS("headers=X-Team: shop | X-List: a, b"));
	test_expect_done(hand_over(0, 2));
	test_expect_done(hand_over(2, 1));
	expect_requests(2);
	expect_body(0, "[" MESSAGE(1) "," MESSAGE(2) "]");
	expect_body(1, "[" MESSAGE(3) "]");
	expect_header(0, "content-type", "application/json");
	expect_header(0, "x-team", "shop");
	expect_header(0, "x-list", "a, b");
	expect_header(0, "idempotency-key", "words/3/1000-1/1000-2");
	expect_header(1, "idempotency-key", "words/3/1000-3");
	expect_header(0, "authorization", NULL);
	json_t *second = request(1);
	assert_int_equal(json_integer_value(json_object_get(second, "connection")), 1);
	assert_string_equal(json_string_value(json_object_get(second, "path")), "/orders?x=1");
	json_decref(second);
	assert_int_equal(test_plugin_counter(plugin, "messages_total"), 3);
	stop();
}

static void messages_can_go_one_by_one_or_as_their_data_alone(void **state)
{
	(void)state;
	start(OPTIONS("body=message", "idempotency_header=X-Once"));
	test_expect_done(hand_over(0, 2));
	expect_requests(2);
	expect_body(1, MESSAGE(2));
	expect_header(1, "x-once", "words/3/1000-2");
	stop();
	start(OPTIONS("body=data", "idempotency_header="));
	test_expect_done(hand_over(0, 1));
	expect_body(2, "d");
	expect_header(2, "content-type", "application/octet-stream");
	expect_header(2, "idempotency-key", NULL);
	seg_message empty = test_message(9, "k", "");
	test_expect_done(test_plugin_handle(plugin, partition, 7, 1, &empty, 1));
	expect_header(3, "content-length", "0");
	stop();
}

static void the_token_comes_from_the_environment(void **state)
{
	(void)state;
	setenv("TEST_TOKEN", "secret", 1);
	start(OPTIONS("token_variable=TEST_TOKEN"));
	test_expect_done(hand_over(0, 1));
	expect_header(0, "authorization", "Bearer secret");
	stop();
	unsetenv("TEST_TOKEN");
	test_plugin_refuses("http", OPTIONS("token_variable=TEST_TOKEN"),
			    "names an environment variable that is not set");
}

static void a_server_in_trouble_means_a_retry(void **state)
{
	(void)state;
	static const char *const reasons[] = {"answered 500: because of this", "answered 503", "answered 429",
					      "answered 408", "no answer: "};
	/* Closes twice, because curl itself retries once on a connection that was used before. */
	answers("500\n503\n429\n408\nclose\nclose\n");
	start(OPTIONS("retry_after_max=0"));
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		test_expect_answer(hand_over(0, 2), SEG_OUTCOME_RETRY, 0, reasons[i]);
	test_expect_done(hand_over(0, 2));
	assert_int_equal(test_plugin_counter(plugin, "request_failures_total"), 5);
	stop();
}

static void no_server_or_a_slow_one_means_a_retry(void **state)
{
	(void)state;
	answers("hang\n");
	start(OPTIONS("timeout=200ms"));
	test_expect_answer(hand_over(0, 1), SEG_OUTCOME_RETRY, 0, "no answer: Operation timed out");
	end_server();
	test_expect_answer(hand_over(0, 1), SEG_OUTCOME_RETRY, 0, "no answer: ");
	stop();
}

static void nothing_is_sent_before_retry_after_has_passed(void **state)
{
	(void)state;
	answers("429 Retry-After: 1\n");
	start(OPTIONS("retry_after_max=10s"));
	test_expect_answer(hand_over(0, 1), SEG_OUTCOME_RETRY, 0, "answered 429");
	long long before = test_now_ms();
	test_expect_done(hand_over(0, 1));
	assert_true(test_now_ms() - before >= 900);
	stop();
}

static void retry_after_is_waited_for_no_longer_than_allowed(void **state)
{
	(void)state;
	answers("503 Retry-After: 3600\n");
	start(OPTIONS("retry_after_max=50ms"));
	test_expect_answer(hand_over(0, 1), SEG_OUTCOME_RETRY, 0, "answered 503");
	long long before = test_now_ms();
	test_expect_done(hand_over(0, 1));
	assert_true(test_now_ms() - before < 10000);
	stop();
}

static void a_refused_message_is_a_dead_letter(void **state)
{
	(void)state;
	answers("200\n422\n");
	start(OPTIONS("body=message"));
	test_expect_answer(hand_over(0, 3), SEG_OUTCOME_DEAD_LETTER, 1, "answered 422: because of this");
	expect_requests(2);
	stop();
}

static void a_refused_batch_is_halved_until_the_message_is_found(void **state)
{
	(void)state;
	/*
	 * The sixth of eight is bad. Sizes and answers: 8 no, 4 yes, 4 no, 2 no, 1 yes, 1 no (after one
	 * success: two, refused, one).
	 */
	answers("400\n200\n400\n400\n200\n400\n400\n");
	start(OPTIONS("retry_after_max=0"));
	test_expect_answer(hand_over(0, 8), SEG_OUTCOME_DEAD_LETTER, 5, "answered 400");
	static const size_t sizes[] = {8, 4, 4, 2, 1, 2, 1};
	for (int i = 0; i < 7; i++)
		assert_int_equal(size_of(i), sizes[i]);
	test_expect_done(hand_over(6, 2));
	assert_int_equal(test_plugin_counter(plugin, "messages_total"), 7);
	stop();
}

static void after_a_failure_the_first_message_goes_alone(void **state)
{
	(void)state;
	answers("500\n200\n200\n500\n");
	start(OPTIONS("retry_after_max=0"));
	test_expect_answer(hand_over(0, 8), SEG_OUTCOME_RETRY, 0, "answered 500");
	test_expect_answer(test_plugin_handle(plugin, partition, 7, 2, eight, 8), SEG_OUTCOME_RETRY, 3,
			   "answered 500");
	static const size_t sizes[] = {8, 1, 2, 4};
	for (int i = 0; i < 4; i++)
		assert_int_equal(size_of(i), sizes[i]);
	stop();
}

static void which_statuses_are_retried_is_an_option(void **state)
{
	(void)state;
	answers("401\n500\n");
	start(OPTIONS("retry_statuses=401,5xx", "retry_after_max=0"));
	test_expect_answer(hand_over(0, 1), SEG_OUTCOME_RETRY, 0, "answered 401");
	test_expect_answer(hand_over(0, 1), SEG_OUTCOME_RETRY, 0, "answered 500");
	stop();
}

static void a_redirection_is_a_retry_that_says_what_to_mend(void **state)
{
	(void)state;
	answers("301 Location: /elsewhere\n");
	start(OPTIONS("retry_after_max=0"));
	test_expect_answer(hand_over(0, 1), SEG_OUTCOME_RETRY, 0, "set option.url to the final address");
	expect_requests(1);
	stop();
}

static void options_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	test_plugin_refuses("http", (const char *const[]){"url=ftp://x/", NULL},
			    "option.url must start with http:// or https://");
	test_plugin_refuses("http", OPTIONS("body=xml"), "option.body must be batch, message or data");
	test_plugin_refuses("http", OPTIONS("headers=X-Team shop"), "option.headers must be");
	test_plugin_refuses("http", OPTIONS("retry_statuses=5xx,abc"), "option.retry_statuses must be");
	test_plugin_refuses("http", OPTIONS("headers=X-Team: shop | | X-List: a"), "option.headers must be");
	test_plugin_refuses("http", OPTIONS("headers=X-Team: shop |"), "option.headers must be");
	test_plugin_refuses("http", OPTIONS("retry_statuses=408,,429"), "option.retry_statuses must be");
	test_plugin_refuses("http", OPTIONS("retry_statuses=408, "), "option.retry_statuses must be");
	test_plugin_refuses("http", OPTIONS("retry_statuses=4290"), "option.retry_statuses must be");
	test_plugin_refuses("http", OPTIONS("timeout=0"), "at least 1ms");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_batch_is_one_json_array_on_one_connection_that_is_kept),
		TEST(messages_can_go_one_by_one_or_as_their_data_alone),
		TEST(the_token_comes_from_the_environment),
		TEST(a_server_in_trouble_means_a_retry),
		TEST(no_server_or_a_slow_one_means_a_retry),
		TEST(nothing_is_sent_before_retry_after_has_passed),
		TEST(retry_after_is_waited_for_no_longer_than_allowed),
		TEST(a_refused_message_is_a_dead_letter),
		TEST(a_refused_batch_is_halved_until_the_message_is_found),
		TEST(after_a_failure_the_first_message_goes_alone),
		TEST(which_statuses_are_retried_is_an_option),
		TEST(a_redirection_is_a_retry_that_says_what_to_mend),
		TEST(options_that_make_no_sense_are_refused),
	};
	if (!test_plugin_is_built("http"))
		return 0;
	/* The machine's own proxy must not affect the test. */
	setenv("no_proxy", "127.0.0.1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
