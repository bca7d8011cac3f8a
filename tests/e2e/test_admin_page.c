/*
 * test_admin_page.c - the admin page in a real browser, with a group of two runners under load. If
 * $SEG_PICTURES is set, the tests leave screenshots there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/http.h"
#include "harness/load.h"
#include "harness/runner.h"
#include "harness/server.h"
#include "admin/server.h"

enum { NO_BROWSER = 77 };

static test_server *server;
static char directory[64];

static test_runner *start(const char *name)
{
	return test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = %s\nadmin = 127.0.0.1:0\n[consumer c]\nstream = s\n"
		"group = g\nplugin = %s/tests/plugins/record.so\noption.path = %s/deliveries\n"
		"option.dead_letter = 3*\n",
		server->address, name, test_build_directory(), directory);
}

/* Runs browser.py on the page of that port until `expression` holds; returns its exit code. */
static int look(int port, const char *expression)
{
	char command[2048];
	const char *pictures = getenv("SEG_PICTURES");
	snprintf(command, sizeof(command), "python3 '%s/tests/e2e/browser.py' http://127.0.0.1:%d/ '%s' '%s'",
		 getenv("SEG_SOURCE_DIR"), port, pictures ? pictures : directory, expression);
	fflush(NULL);
	int status = system(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_page_shows_who_owns_what_how_fast_it_is_handled_and_what_failed(void **state)
{
	(void)state;
	server = test_server_start(NULL);
	test_directory_make(directory);
	test_load *load = test_load_start(server->address, "s", 8, 20, 50);
	test_runner *first = start("first"), *second = start("second");
	test_group_wait_balanced(server->address, "s", "g", 2);
	/* Each line is drawn, each owner named, a dead letter counted, and events are listed. */
	int result = look(test_http_port(first),
			  "document.getElementById(\"name\").textContent === \"first\" && "
			  "document.querySelectorAll(\".cell\").length === 8 && "
			  "document.querySelectorAll(\".owners li\").length === 2 && "
			  "document.querySelectorAll(\"tbody tr\").length === 8 && "
			  "document.querySelectorAll(\"svg path.line[d*=L]\").length === 6 && "
			  "document.querySelectorAll(\"td.alarm\").length > 0 && "
			  "document.querySelectorAll(\"#events .level\").length > 3");
	test_load_end(load);
	test_runner_free(second);
	test_runner_free(first);
	test_directory_remove(directory);
	test_server_stop(server);
	if (result == NO_BROWSER)
		skip();
	assert_int_equal(result, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_shows_who_owns_what_how_fast_it_is_handled_and_what_failed),
	};
	if (!seg_server_is_built()) {
		print_message("built without libmicrohttpd: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
