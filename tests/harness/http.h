/* http.h - a plain HTTP client for a segrunner's admin server, and a strict reader of its metrics. */
#ifndef TEST_HARNESS_HTTP_H
#define TEST_HARNESS_HTTP_H

#include <stdbool.h>

#include "harness/runner.h"

typedef struct test_http_answer {
	int status;
	char *text; /* the whole answer; freed with test_http_free */
	char *body; /* within text */
} test_http_answer;

/* The port of the runner's admin server (admin = 127.0.0.1:0); waits until the runner has logged it. */
int test_http_port(const test_runner *runner);

/* Opens a connection and sends nothing on it; the caller closes it. */
int test_http_connect(int port);

/*
 * Sends "METHOD PATH HTTP/1.1" and the headers (each with its \r\n, or ""), and reads until the end. The Host
 * is 127.0.0.1 unless the headers have one. If no answer comes within 10 s, the test fails.
 */
test_http_answer test_http_ask(int port, const char *method, const char *path, const char *headers);

/* A GET without headers. */
test_http_answer test_http_get(int port, const char *path);
void test_http_free(test_http_answer *answer);

/* The status of such a GET. */
int test_http_status(int port, const char *path);

/* Whether such a GET has that status, and that text in its body. */
bool test_http_answers(int port, const char *path, int status, const char *text);

/* Asks until it has both. The test fails if that takes longer than 30 s. */
void test_http_wait(int port, const char *path, int status, const char *text);

/* The value of a sample, given its name and labels as written; -1 if there is no such sample. */
double test_metrics_value(const char *metrics, const char *sample);

/*
 * Fails the test unless the text is in Prometheus's text format, version 0.0.4: each family has HELP and TYPE
 * once and before its samples; its samples are together, and none comes twice; names and labels are well
 * formed; buckets rise up to +Inf.
 */
void test_metrics_check(const char *metrics);

#endif
