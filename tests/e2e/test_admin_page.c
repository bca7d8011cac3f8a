/*
 * test_admin_page.c - the admin page in a real browser, with a group of two runners under load, and with one that is in
 * trouble. If $SEG_PICTURES is set, the tests leave screenshots there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/http.h"
#include "harness/load.h"
#include "harness/rig.h"
#include "harness/segctl.h"
#include "admin/server.h"

enum { NO_BROWSER = 77 };

static test_runner *start(const char *name)
{
	return test_runner_run("[redis]\naddress = %s\n[runner]\nname = %s\nadmin = 127.0.0.1:0\n"
			       "admin_url = http://%s.example/\n[consumer c]\nstream = s\n"
			       "group = g\nplugin = %s/tests/plugins/record.so\noption.path = %s\n"
			       "option.dead_letter = 3*\noption.fail = bad*\nmax_attempts = 0\n",
			       rig.server->address, name, name, test_build_directory(), rig.deliveries);
}

/* It fails at each attempt, and its partition, or slot, waits. */
static void send_bad_message(const char *key, const char *data)
{
	test_rig_tell("XADD __default:s:partition_0 * partitionKey %s data %s", key, data);
}

/* Runs browser.py on the page of that port until `expression` holds; returns its exit code. */
static int look(int port, const char *expression)
{
	char command[2048];
	const char *pictures = getenv("SEG_PICTURES");
	snprintf(command, sizeof(command), "python3 '%s/tests/e2e/browser.py' http://127.0.0.1:%d/ '%s' '%s'",
		 getenv("SEG_SOURCE_DIR"), port, pictures ? pictures : rig.directory, expression);
	fflush(NULL);
	int status = system(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Until then, the browser would report an error, which fails the look. */
static bool is_read(void *runner)
{
	return test_http_status(test_http_port(runner), "/api/v1/groups/s/g") == 200;
}

static void the_page_shows_who_owns_what_how_fast_it_is_handled_what_failed_and_what_needs_attention(
	void **state)
{
	(void)state;
	test_rig_start("--appendonly yes");
	test_load *load = test_load_start(rig.server->address, "s", 8, 20, 50);
	test_runner *first = start("first"), *second = start("second");
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	test_wait_until(is_read, first, 60000, "the group was read");
	/* Lines are drawn, each owner named and linked, dead letters counted by reason, Redis and events shown. */
	int result =
		look(test_http_port(first),
		     "document.getElementById(\"name\").textContent === \"first\" && "
		     "document.querySelectorAll(\".cell\").length === 8 && "
		     "document.querySelectorAll(\"td.owner\").length === 8 && "
		     "document.querySelectorAll(\"svg path.line[d*=L]\").length >= 3 && "
		     "document.querySelectorAll(\"td.alarm\").length > 0 && "
		     "[...document.links].some(a => a.href === \"http://second.example/\") && "
		     "![...document.links].some(a => a.href === \"http://first.example/\") && "
		     "/Dead letters by reason/.test(document.body.innerText) && "
		     "/dlq list s g --by reason/.test(document.body.innerText) && "
		     "/Round trip/.test(document.getElementById(\"redis\").innerText) && "
		     "/Each partition has an owner/.test(document.getElementById(\"problems\").innerText) && "
		     "document.querySelectorAll(\"#events .level\").length > 3");
	test_load_end(load);
	/* A page that opens later begins in the past, and names the partition that is in trouble first. */
	send_bad_message("k", "bad");
	if (result == 0)
		result = look(
			test_http_port(first),
			"document.querySelector(\"svg path.line[d*=L]\") && "
			"document.querySelector(\"tr.warn td.owner .badge\")?.innerText === \"retrying\" && "
			"document.querySelector(\"#problems li.warn\")?.innerText.includes(\"told to fail\") && "
			"document.title.startsWith(\"(1) \") && "
			"document.querySelector(\".scaled .fill\")?.style.width !== \"0%\"");
	test_runner_free(second);
	test_runner_free(first);
	if (result == NO_BROWSER)
		skip();
	assert_int_equal(result, 0);
}

static bool lanes_are_told(void *arg)
{
	(void)arg;
	const char *answer = test_segctl_do(rig.server->address, "lag s g -o json")->output;
	return strstr(answer, "\"slots_waiting\": 1") && !strstr(answer, "\"lanes_busy\": 0") &&
	       !strstr(answer, "\"beyond\": 0");
}

/* The position stands still: its message fails for ever. */
static bool what_is_beyond_a_message_that_fails_has_a_rate(void *arg)
{
	(void)arg;
	const char *answer = test_segctl_do(rig.server->address, "why s g 0 -o json --sample 1s")->output;
	const char *rate = strstr(answer, "\"rate\": ");
	return rate && strtod(rate + strlen("\"rate\": "), NULL) > 0;
}

/* The slot does not wait while its message is tried again, which may be the moment at which it was counted. */
static bool why_tells_of_the_slot(void *arg)
{
	(void)arg;
	return strstr(test_segctl_do(rig.server->address, "why s g 0")->output, "1 slot of keys waits");
}

static bool why_tells_of_the_slot_as_json(void *arg)
{
	(void)arg;
	return strstr(test_segctl_do(rig.server->address, "why s g 0 -o json")->output,
		      "\"slots_waiting\": 1");
}

static bool metrics_count_the_slot(void *arg)
{
	test_http_answer metrics = test_http_get(test_http_port(arg), "/metrics");
	double slots = test_metrics_value(metrics.body, "segmenter_slots_waiting{stream=\"s\",group=\"g\"}");
	test_http_free(&metrics);
	return slots == 1;
}

static void segctl_and_metrics_and_the_page_show_lanes_outputs_and_state(void **state)
{
	(void)state;
	test_rig_start(NULL);
	test_load *load = test_load_start(rig.server->address, "s", 1, 20, 100);
	send_bad_message("never", "fail");
	test_runner *runner = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = r\nadmin = 127.0.0.1:0\n[consumer c]\nstream = s\n"
		"group = g\nplugin = %s/tests/plugins/emits.so\noption.delay = 20ms\noption.keep = 1\n"
		"outputs = out\noutput.out.partitions = 1\nparallel = 4\nmax_attempts = 0\n",
		rig.server->address, test_build_directory());
	test_wait_until(lanes_are_told, NULL, 60000, "segctl lag has the lanes");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "after the position are done, ");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), " of them done already)");
	test_wait_until(why_tells_of_the_slot, NULL, 60000, "segctl why tells of the slot that waits");
	test_wait_until(why_tells_of_the_slot_as_json, NULL, 60000, "so does -o json");
	test_wait_until(what_is_beyond_a_message_that_fails_has_a_rate, NULL, 60000,
			"segctl lag tells a rate");
	test_wait_until(metrics_count_the_slot, runner, 60000, "the metrics count the slot that waits");
	test_http_answer metrics = test_http_get(test_http_port(runner), "/metrics");
	test_expect_text(metrics.body, "segmenter_lanes_busy{");
	assert_true(test_metrics_value(metrics.body,
				       "segmenter_outputs_total{stream=\"s\",group=\"g\",output=\"out\"}") >
		    0);
	test_expect_text(metrics.body, "segmenter_partition_beyond_messages{");
	test_expect_text(metrics.body, "segmenter_state_bytes{");
	test_http_free(&metrics);
	int result =
		look(test_http_port(runner),
		     "[\"Done beyond\", \"Lanes busy\", \"Outputs waiting\", \"State\"].every(name => "
		     "[...document.querySelectorAll(\".tiles dt\")].some(dt => dt.textContent === name)) && "
		     "/1 slot waits/.test(document.body.innerText) && "
		     "document.querySelectorAll(\"table:not(.plain) td.kept\").length === 4 && "
		     "[...document.querySelectorAll(\".counters dt\")].some(dt => dt.textContent === "
		     "\"emitted to out\")");
	test_load_end(load);
	test_runner_free(runner);
	if (result == NO_BROWSER)
		skip();
	assert_int_equal(result, 0);
}

/* Its partition's row tells of it, and so does /readyz. */
static void a_refusal_that_leaves_the_runner_ready_is_named_once(void **state)
{
	(void)state;
	test_rig_start(NULL);
	test_segctl_good(rig.server->address, "stream create s -p 2");
	test_server_tell(rig.server, "ACL SETUSER app on >pw ~* &* +@all");
	rig.runner = test_runner_run(
		"[redis]\naddress = unix://app:pw@%s\n[runner]\nname = only\nadmin = 127.0.0.1:0\n"
		"[consumer c]\nstream = s\ngroup = g\nsession_timeout = 10min\n"
		"plugin = %s/tests/plugins/record.so\noption.path = %s\n",
		rig.server->socket, test_build_directory(), rig.deliveries);
	/* Both partitions are claimed, which needs the right, too. */
	for (int p = 0; p < 2; p++)
		test_rig_tell("XADD __default:s:partition_%d * partitionKey k data good", p);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_group_wait_drained(rig.server->address, "s", "g");
	test_server_tell(rig.server, "ACL SETUSER app -xgroup");
	send_bad_message("k", "good");
	test_http_wait(test_http_port(rig.runner), "/readyz", 200, "s now, Redis refuses a commit: ");
	test_http_wait(test_http_port(rig.runner), "/api/v1/status", 200, "\"health\":\"degraded\"}]");
	int result = look(test_http_port(rig.runner),
			  "document.querySelector(\"tr td.owner .badge\")?.innerText === \"refused\" && "
			  "[...document.querySelectorAll(\"#problems li\")].filter(li => "
			  "/Redis refuses/.test(li.innerText)).length === 1");
	if (result == NO_BROWSER)
		skip();
	assert_int_equal(result, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up_directory, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_page_shows_who_owns_what_how_fast_it_is_handled_what_failed_and_what_needs_attention),
		TEST(segctl_and_metrics_and_the_page_show_lanes_outputs_and_state),
		TEST(a_refusal_that_leaves_the_runner_ready_is_named_once),
	};
	if (!seg_server_is_built()) {
		print_message("built without libmicrohttpd: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
