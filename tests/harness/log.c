#include "harness/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGE = 1000, KEYS_MAX = 1024 };

typedef void (*entry_fn)(void *arg, const char *key, const char *data);

static const char *field_of(const redisReply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (strcmp(fields->element[i]->str, name) == 0)
			return fields->element[i + 1]->str;
	fail_msg("an entry has no field %s", name);
	return NULL;
}

static long read_log(redisContext *context, const char *log, entry_fn fn, void *arg)
{
	char from[64] = "-";
	long count = 0;
	for (;;) {
		redisReply *page = test_server_command(context, "XRANGE %s %s + COUNT %d", log, from, PAGE);
		size_t n = page->elements;
		for (size_t i = 0; i < n; i++) {
			const redisReply *fields = page->element[i]->element[1];
			fn(arg, field_of(fields, "partitionKey"), field_of(fields, "data"));
			count++;
		}
		if (n > 0)
			snprintf(from, sizeof(from), "(%s", page->element[n - 1]->element[0]->str);
		freeReplyObject(page);
		if (n < PAGE)
			return count;
	}
}

static long read_logs(const test_server *server, const char *stream, uint32_t partitions, entry_fn fn,
		      void *arg)
{
	redisContext *context = test_server_connect(server);
	long count = 0;
	for (uint32_t p = 0; p < partitions; p++) {
		char log[256];
		snprintf(log, sizeof(log), "__default:%s:partition_%u", stream, p);
		count += read_log(context, log, fn, arg);
	}
	redisFree(context);
	return count;
}

static void ignore(void *arg, const char *key, const char *data)
{
	(void)arg;
	(void)key;
	(void)data;
}

long test_log_count(const test_server *server, const char *stream, uint32_t partitions)
{
	return read_logs(server, stream, partitions, ignore, NULL);
}

typedef struct {
	long next[KEYS_MAX];
	int keys;
	bool may_miss;
} expectation;

static void expect(void *arg, const char *key, const char *data)
{
	expectation *e = arg;
	const char *colon = strchr(data, ':');
	size_t key_length = strlen(key);
	if (!colon || (size_t)(colon - data) != key_length || memcmp(key, data, key_length) != 0)
		fail_msg("the entry of key %s holds \"%s\"", key, data);
	long number = atol(colon + 1);
	int k = atoi(key + 1);
	assert_in_range(k, 0, e->keys - 1);
	if (number < e->next[k])
		fail_msg("%s is there again, or behind %s:%ld", data, key, e->next[k] - 1);
	if (number > e->next[k] && !e->may_miss)
		fail_msg("%s:%ld is missing before %s", key, e->next[k], data);
	e->next[k] = number + 1;
}

long test_log_check(const test_server *server, const char *stream, uint32_t partitions, int keys,
		    const long *count, bool may_miss)
{
	expectation *e = calloc(1, sizeof(*e));
	assert_non_null(e);
	assert_in_range(keys, 1, KEYS_MAX);
	e->keys = keys;
	e->may_miss = may_miss;
	long entries = read_logs(server, stream, partitions, expect, e);
	for (int k = 0; k < keys; k++)
		if (e->next[k] > count[k] || (e->next[k] < count[k] && !may_miss))
			fail_msg("key k%d has %ld entries instead of %ld", k, e->next[k], count[k]);
	free(e);
	return entries;
}
