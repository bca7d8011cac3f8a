#include "harness/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/server.h"

enum { PATIENCE_S = 10, ANSWER_MAX = 4 * 1024 * 1024 };

int test_http_port(const test_runner *runner)
{
	static const char says[] = "admin: listening on http", host[] = "://127.0.0.1:";
	char line[512];
	int port = 0;
	/* One write sends the whole line. */
	test_runner_says(runner, says);
	FILE *file = fopen(runner->output, "r");
	assert_non_null(file);
	while (port == 0 && fgets(line, sizeof(line), file)) {
		const char *found = strstr(line, says) ? strstr(line, host) : NULL;
		if (found)
			port = atoi(found + strlen(host));
	}
	fclose(file);
	assert_in_range(port, 1, 65535);
	return port;
}

int test_http_connect(int port)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

test_http_answer test_http_ask(int port, const char *method, const char *path, const char *headers)
{
	char request[1024];
	test_http_answer answer = {.text = calloc(1, ANSWER_MAX)};
	size_t length = 0;
	int fd = test_http_connect(port);
	assert_non_null(answer.text);
	int size = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n%s%sConnection: close\r\n\r\n",
			    method, path, strstr(headers, "Host:") ? "" : "Host: 127.0.0.1\r\n", headers);
	assert_int_equal(write(fd, request, (size_t)size), size);
	for (;;) {
		ssize_t n = read(fd, answer.text + length, ANSWER_MAX - 1 - length);
		if (n < 0)
			fail_msg("no answer to %s %s", method, path);
		if (n == 0)
			break;
		length += (size_t)n;
	}
	close(fd);
	assert_int_equal(sscanf(answer.text, "HTTP/1.1 %d", &answer.status), 1);
	answer.body = strstr(answer.text, "\r\n\r\n");
	assert_non_null(answer.body);
	answer.body += 4;
	return answer;
}

test_http_answer test_http_get(int port, const char *path)
{
	return test_http_ask(port, "GET", path, "");
}

void test_http_free(test_http_answer *answer)
{
	free(answer->text);
	*answer = (test_http_answer){0};
}

int test_http_status(int port, const char *path)
{
	test_http_answer answer = test_http_get(port, path);
	int status = answer.status;
	test_http_free(&answer);
	return status;
}

bool test_http_answers(int port, const char *path, int status, const char *text)
{
	test_http_answer answer = test_http_get(port, path);
	bool holds = answer.status == status && strstr(answer.body, text);
	test_http_free(&answer);
	return holds;
}

typedef struct {
	int port;
	const char *path;
	int status;
	const char *text;
} expectation;

static bool is_answered(void *arg)
{
	const expectation *e = arg;
	return test_http_answers(e->port, e->path, e->status, e->text);
}

void test_http_wait(int port, const char *path, int status, const char *text)
{
	enum { PATIENCE_MS = 30000 };
	expectation e = {port, path, status, text};
	test_wait_until(is_answered, &e, PATIENCE_MS, text);
}

/* --- metrics -------------------------------------------------------------------------------- */

double test_metrics_value(const char *metrics, const char *sample)
{
	size_t length = strlen(sample);
	for (const char *line = metrics; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, sample, length) == 0 && line[length] == ' ')
			return strtod(line + length + 1, NULL);
	}
	return -1;
}

typedef struct {
	char family[128];
	char type[16];
	bool has_help;
	char *seen;     /* "\nNAME\n": families that have ended */
	char **samples; /* of this family */
	size_t sample_count;
	double below;       /* the upper bound of the previous bucket */
	double count_below; /* and its count */
	char series[512];   /* the labels of that bucket, without le */
} reader;

static void end_family(reader *r)
{
	if (strcmp(r->type, "histogram") == 0 && r->sample_count > 0 && r->below < 1e300)
		fail_msg("%s: the last bucket is not +Inf", r->family);
	for (size_t i = 0; i < r->sample_count; i++)
		free(r->samples[i]);
	free(r->samples);
	r->samples = NULL;
	r->sample_count = 0;
	r->type[0] = '\0';
}

static void begin_family(reader *r, const char *name)
{
	char mark[160];
	end_family(r);
	snprintf(mark, sizeof(mark), "\n%s\n", name);
	if (strstr(r->seen, mark))
		fail_msg("the family %s comes twice", name);
	r->seen = realloc(r->seen, strlen(r->seen) + strlen(mark) + 1);
	assert_non_null(r->seen);
	strcat(r->seen, mark);
	snprintf(r->family, sizeof(r->family), "%s", name);
}

static void check_bucket(reader *r, const char *line, double value)
{
	const char *le = strstr(line, "le=\"");
	if (!le)
		fail_msg("a bucket without le: %s", line);
	double bound = strncmp(le + 4, "+Inf", 4) == 0 ? 1e308 : strtod(le + 4, NULL);
	char series[512];
	snprintf(series, sizeof(series), "%.*s", (int)(le - line), line);
	bool same = strcmp(series, r->series) == 0;
	if (same && (bound <= r->below || value < r->count_below))
		fail_msg("buckets do not rise: %s", line);
	if (!same && r->series[0] && r->below < 1e300)
		fail_msg("buckets end before +Inf: %s", r->series);
	snprintf(r->series, sizeof(r->series), "%s", series);
	r->below = bound;
	r->count_below = value;
}

static void check_sample(reader *r, const char *line, const regex_t *form)
{
	if (regexec(form, line, 0, NULL, 0))
		fail_msg("no sample: %s", line);
	const char *space = strrchr(line, ' ');
	size_t name_length = strcspn(line, "{ "), family_length = strlen(r->family);
	bool histogram = strcmp(r->type, "histogram") == 0;
	if (strncmp(line, r->family, family_length) != 0 || !r->type[0])
		fail_msg("a sample outside of its family %s: %s", r->family, line);
	const char *suffix = line + family_length;
	bool bucket = strncmp(suffix, "_bucket{", 8) == 0;
	if (histogram ? !bucket && strncmp(suffix, "_sum", 4) != 0 && strncmp(suffix, "_count", 6) != 0
		      : name_length != family_length)
		fail_msg("a sample outside of its family %s: %s", r->family, line);
	if (strcmp(r->type, "counter") == 0 && strncmp(line + name_length - 6, "_total", 6) != 0)
		fail_msg("a counter that does not end in _total: %s", line);
	for (size_t i = 0; i < r->sample_count; i++)
		if (strncmp(r->samples[i], line, (size_t)(space - line) + 1) == 0)
			fail_msg("a sample twice: %s", line);
	r->samples = realloc(r->samples, (r->sample_count + 1) * sizeof(*r->samples));
	assert_non_null(r->samples);
	r->samples[r->sample_count++] = strdup(line);
	if (bucket)
		check_bucket(r, line, strtod(space, NULL));
}

static void check_line(reader *r, const char *line, const regex_t *form)
{
	char name[128], type[16], help[256];
	if (sscanf(line, "# HELP %127s %255[^\n]", name, help) == 2) {
		begin_family(r, name);
	} else if (sscanf(line, "# TYPE %127s %15s", name, type) == 2) {
		assert_string_equal(name, r->family);
		assert_string_equal(r->type, "");
		assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 ||
			    strcmp(type, "histogram") == 0);
		snprintf(r->type, sizeof(r->type), "%s", type);
		r->series[0] = '\0';
		r->below = 0;
	} else {
		check_sample(r, line, form);
	}
}

void test_metrics_check(const char *metrics)
{
	regex_t form;
	reader r = {.seen = strdup("")};
	char *copy = strdup(metrics), *rest = copy;
	assert_int_equal(regcomp(&form,
				 "^[a-zA-Z_:][a-zA-Z0-9_:]*"
				 "(\\{[a-z_]+=\"[^\"\\]*\"(,[a-z_]+=\"[^\"\\]*\")*\\})? [0-9.e+-]+$",
				 REG_EXTENDED | REG_NOSUB),
			 0);
	assert_true(metrics[0] && metrics[strlen(metrics) - 1] == '\n');
	for (char *line; (line = strsep(&rest, "\n")) && (*line || rest);)
		check_line(&r, line, &form);
	end_family(&r);
	regfree(&form);
	free(r.seen);
	free(copy);
}
