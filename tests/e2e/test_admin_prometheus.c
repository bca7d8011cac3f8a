/*
 * test_admin_prometheus.c - a real Prometheus scrapes a real segrunner, with the alert rules and the
 * dashboard of config/. Skipped if Debian's package prometheus is not installed.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/http.h"
#include "harness/load.h"
#include "harness/rig.h"
#include "admin/server.h"

enum { PATIENCE_MS = 60000, EXPRESSION_MAX = 2048 };

static test_load *load;
static pid_t prometheus;
static int port; /* Prometheus's */

static const char *source_directory(void)
{
	const char *source = getenv("SEG_SOURCE_DIR");
	if (!source)
		fail_msg("SEG_SOURCE_DIR is not set: run this with ctest or tests/run.sh");
	return source;
}

static char *read_config(const char *name)
{
	char path[512];
	static char text[256 * 1024];
	snprintf(path, sizeof(path), "%s/config/%s", source_directory(), name);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("cannot open %s", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* --- a runner under load, and a Prometheus that scrapes it -------------------------------- */

/* A port on which nothing listens now. */
static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void start_prometheus(int target)
{
	char config[96], data[128], listen[64];
	port = free_port();
	snprintf(config, sizeof(config), "--config.file=%s/prometheus.yml", rig.directory);
	snprintf(data, sizeof(data), "--storage.tsdb.path=%s/data", rig.directory);
	snprintf(listen, sizeof(listen), "--web.listen-address=127.0.0.1:%d", port);
	FILE *file = fopen(config + strlen("--config.file="), "w");
	assert_non_null(file);
	fprintf(file,
		"global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n"
		"rule_files: ['%s/config/prometheus/segrunner-alerts.yml']\n"
		"scrape_configs:\n  - job_name: segrunner\n    static_configs:\n"
		"      - targets: ['127.0.0.1:%d']\n",
		source_directory(), target);
	fclose(file);
	fflush(NULL);
	prometheus = fork();
	if (prometheus == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execlp("prometheus", "prometheus", config, data, listen, (char *)NULL);
		_exit(127);
	}
	assert_true(prometheus > 0);
}

static int set_up(void **state)
{
	test_rig_set_up(state);
	load = test_load_start(rig.server->address, "s", 4, 10, 50);
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = only\nadmin = 127.0.0.1:0\n[consumer c]\n"
		"stream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\noption.path = %s\n"
		"option.dead_letter = 3*\n",
		rig.server->address, test_build_directory(), rig.deliveries);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	start_prometheus(test_http_port(rig.runner));
	return 0;
}

static int tear_down(void **state)
{
	kill(prometheus, SIGKILL);
	waitpid(prometheus, NULL, 0);
	test_load_end(load);
	return test_rig_tear_down(state);
}

/* The body of a GET; fails the test unless the status is 200. */
static json_t *ask(const char *path)
{
	test_http_answer answer = test_http_get(port, path);
	json_t *json = json_loads(strchr(answer.body, '{') ? strchr(answer.body, '{') : "",
				  JSON_DISABLE_EOF_CHECK, NULL);
	if (answer.status != 200)
		fail_msg("%s: %s", path, answer.body);
	test_http_free(&answer);
	assert_non_null(json);
	return json;
}

/* How many series the expression matches now; fails the test if it matches none. */
static size_t series_of(const char *expression)
{
	char path[4 * EXPRESSION_MAX] = "/api/v1/query?query=";
	size_t length = strlen(path);
	for (const char *c = expression; *c; c++)
		length += (size_t)sprintf(path + length, isalnum((unsigned char)*c) ? "%c" : "%%%02X",
					  (unsigned char)*c);
	json_t *json = ask(path);
	size_t count = json_array_size(json_object_get(json_object_get(json, "data"), "result"));
	json_decref(json);
	return count;
}

static bool is_scraped(void *arg)
{
	(void)arg;
	int status;
	if (waitpid(prometheus, &status, WNOHANG) == prometheus)
		fail_msg("prometheus has ended with %d", status);
	/* Prometheus listens once it accepts a connection. */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bool listens = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return listens && test_http_status(port, "/-/ready") == 200 &&
	       series_of("rate(segmenter_messages_handled_total[1m]) > 0") > 0;
}

static void replace(char *text, const char *what, const char *by)
{
	char rest[EXPRESSION_MAX];
	for (char *at; (at = strstr(text, what));) {
		snprintf(rest, sizeof(rest), "%s", at + strlen(what));
		snprintf(at, EXPRESSION_MAX - (size_t)(at - text), "%s%s", by, rest);
	}
}

/* --- tests ----------------------------------------------------------------------------------- */

static void every_panel_of_the_dashboard_shows_something(void **state)
{
	(void)state;
	test_wait_until(is_scraped, NULL, PATIENCE_MS, "Prometheus scrapes the runner");
	json_t *dashboard = json_loads(read_config("grafana/segrunner.json"), 0, NULL);
	assert_non_null(dashboard);
	size_t i, j, shown = 0;
	json_t *panel, *target;
	json_array_foreach(json_object_get(dashboard, "panels"), i, panel)
	{
		json_array_foreach(json_object_get(panel, "targets"), j, target)
		{
			char expression[EXPRESSION_MAX];
			snprintf(expression, sizeof(expression), "%s",
				 json_string_value(json_object_get(target, "expr")));
			replace(expression, "$__rate_interval", "1m");
			replace(expression, "$stream", ".*");
			replace(expression, "$group", ".*");
			replace(expression, "$instance", ".*");
			if (series_of(expression) == 0)
				fail_msg("the panel \"%s\" shows nothing: %s",
					 json_string_value(json_object_get(panel, "title")), expression);
			shown++;
		}
	}
	json_decref(dashboard);
	assert_true(shown > 10);
}

static void no_alert_fires_while_all_is_well_but_that_of_dead_letters(void **state)
{
	(void)state;
	test_wait_until(is_scraped, NULL, PATIENCE_MS, "Prometheus scrapes the runner");
	json_t *rules = ask("/api/v1/rules");
	json_t *groups = json_object_get(json_object_get(rules, "data"), "groups");
	json_t *list = json_object_get(json_array_get(groups, 0), "rules"), *rule;
	size_t i;
	assert_true(json_array_size(list) >= 8);
	json_array_foreach(list, i, rule)
	{
		const char *name = json_string_value(json_object_get(rule, "name"));
		assert_string_not_equal(json_string_value(json_object_get(rule, "health")), "err");
		if (strcmp(name, "SegmenterDeadLetters") == 0)
			continue;
		if (strcmp(json_string_value(json_object_get(rule, "state")), "firing") == 0)
			fail_msg("%s fires", name);
	}
	json_decref(rules);
}

/* Every segmenter metric in the file is one that the runner exports. */
static void check_names(const char *file, const char *metrics)
{
	static const char *const suffixes[] = {"", "_bucket", "_sum", "_count"};
	for (const char *at = read_config(file); (at = strstr(at, "segmenter_"));) {
		char name[128], line[160];
		size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
		bool known = false;
		for (size_t i = 0; i < 4 && !known; i++) {
			size_t suffix = strlen(suffixes[i]);
			if (length <= suffix || strncmp(at + length - suffix, suffixes[i], suffix) != 0)
				continue;
			snprintf(name, sizeof(name), "%.*s", (int)(length - suffix), at);
			snprintf(line, sizeof(line), "# TYPE %s ", name);
			known = strstr(metrics, line) != NULL;
		}
		if (!known)
			fail_msg("%s: no runner exports %.*s", file, (int)length, at);
		at += length;
	}
}

static void rules_and_dashboard_name_only_metrics_that_there_are(void **state)
{
	(void)state;
	test_http_answer metrics = test_http_get(test_http_port(rig.runner), "/metrics");
	check_names("prometheus/segrunner-alerts.yml", metrics.body);
	check_names("grafana/segrunner.json", metrics.body);
	test_http_free(&metrics);
}

static void the_alerts_fire_when_they_should_and_not_else(void **state)
{
	(void)state;
	char command[1200];
	const char *source = source_directory();
	snprintf(command, sizeof(command),
		 "promtool check rules '%s/config/prometheus/segrunner-alerts.yml' >/dev/null && "
		 "promtool test rules '%s/tests/prometheus/alerts-test.yml' >/dev/null",
		 source, source);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_and_dashboard_name_only_metrics_that_there_are),
		cmocka_unit_test(every_panel_of_the_dashboard_shows_something),
		cmocka_unit_test(no_alert_fires_while_all_is_well_but_that_of_dead_letters),
		cmocka_unit_test(the_alerts_fire_when_they_should_and_not_else),
	};
	if (!seg_server_is_built() || system("prometheus --version >/dev/null 2>&1") != 0 ||
	    system("promtool --version >/dev/null 2>&1") != 0) {
		print_message(
			"no prometheus (Debian: prometheus), or built without libmicrohttpd: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
