/* http.h - a plain HTTP client for asking a segrunner's admin server, and a strict reader of its metrics. */
#ifndef TEST_HARNESS_HTTP_H
#define TEST_HARNESS_HTTP_H

#include <stdbool.h>

#include "harness/runner.h"

typedef struct test_http_answer {
	int status;
	char *text; /* the whole answer; freed with test_http_free */
	char *body; /* within text */
} test_http_answer;

/* Where the runner's admin server listens (admin = 127.0.0.1:0), as soon as it says so. */
int test_http_port(const test_runner *runner);

/* A connection that asks for nothing yet; closed by the caller. */
int test_http_connect(int port);

/*
 * Sends "METHOD PATH HTTP/1.1" and the headers (each with its \r\n, or ""), and reads until the end. The
 * Host is 127.0.0.1 unless the headers have one. No answer within 10 s fails the test.
 */
test_http_answer test_http_ask(int port, const char *method, const char *path, const char *headers);

/* GET without headers. */
test_http_answer test_http_get(int port, const char *path);
void test_http_free(test_http_answer *answer);

/* The status of a GET alone. */
int test_http_status(int port, const char *path);

/* The value of a sample as it is written, name and labels, or -1 where there is none. */
double test_metrics_value(const char *metrics, const char *sample);

/*
 * Fails the test unless it is Prometheus's text format, version 0.0.4: each family with HELP and TYPE
 * before its samples and once, all its samples together and none twice, names and labels well formed,
 * buckets rising up to +Inf.
 */
void test_metrics_check(const char *metrics);

#endif
