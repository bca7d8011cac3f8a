/*
 * test_scripts.h - runs the scripts of framework/lua in a Redis of the test, through stock hiredis, and shows
 * their answers as one line of text. For the test_scripts_*.c; include it after cmocka.h.
 */
#ifndef TEST_SCRIPTS_H
#define TEST_SCRIPTS_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/rig.h"
#include "redis/script.h"

enum { SCRIPT_ARGUMENTS_MAX = 16384 };

static char script_sha[SEG_SCRIPT_COUNT][48];

/* --- answers as text: words, "nil" for none, [ ] around an array within ----------------------------- */

static char said[1 << 20];

static size_t write_reply(size_t at, const redisReply *reply, bool inner)
{
	size_t left = sizeof(said) - at;
	switch (reply->type) {
	case REDIS_REPLY_INTEGER:
		return at + (size_t)snprintf(said + at, left, "%lld", reply->integer);
	case REDIS_REPLY_NIL:
		return at + (size_t)snprintf(said + at, left, "nil");
	case REDIS_REPLY_ARRAY:
		if (inner)
			at += (size_t)snprintf(said + at, left, "[");
		for (size_t i = 0; i < reply->elements; i++) {
			if (i > 0)
				at += (size_t)snprintf(said + at, sizeof(said) - at, " ");
			at = write_reply(at, reply->element[i], true);
		}
		if (inner)
			at += (size_t)snprintf(said + at, sizeof(said) - at, "]");
		return at;
	default:
		return at + (size_t)snprintf(said + at, left, "%s", reply->str);
	}
}

/* Frees the reply. The text is valid until the next call. */
static const char *reply_text(redisReply *reply)
{
	said[0] = '\0';
	write_reply(0, reply, false);
	freeReplyObject(reply);
	return said;
}

/* --- commands and scripts --------------------------------------------------------------------------- */

static redisReply *command_v(const char *format, va_list arguments)
{
	redisReply *reply = redisvCommand(rig.redis, format, arguments);
	if (!reply)
		fail_msg("no reply to %s: %s", format, rig.redis->errstr);
	return reply;
}

static const char *command(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	redisReply *reply = command_v(format, arguments);
	va_end(arguments);
	return reply_text(reply);
}

static inline long long command_number(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	redisReply *reply = command_v(format, arguments);
	va_end(arguments);
	long long number = reply->type == REDIS_REPLY_STRING ? atoll(reply->str) : reply->integer;
	freeReplyObject(reply);
	return number;
}

/* The words are the keys, followed by the arguments. */
static redisReply *script_reply(seg_script script, int keys, const char *const *words, int count)
{
	static const char *argv[SCRIPT_ARGUMENTS_MAX];
	char keys_text[8];
	snprintf(keys_text, sizeof(keys_text), "%d", keys);
	assert_true(count + 3 <= SCRIPT_ARGUMENTS_MAX);
	argv[0] = "EVALSHA";
	argv[1] = script_sha[script];
	argv[2] = keys_text;
	memcpy(argv + 3, words, sizeof(*words) * (size_t)count);
	redisReply *reply = redisCommandArgv(rig.redis, count + 3, argv, NULL);
	if (!reply)
		fail_msg("no reply to %s: %s", seg_script_sources[script].name, rig.redis->errstr);
	return reply;
}

#define WORDS(...)            \
	(const char *const[]) \
	{                     \
		__VA_ARGS__   \
	}
#define WORD_COUNT(...) ((int)(sizeof(WORDS(__VA_ARGS__)) / sizeof(const char *)))

/* The script's answer to these keys and arguments, as text. */
#define run(script, keys, ...) \
	reply_text(script_reply(SEG_SCRIPT_##script, keys, WORDS(__VA_ARGS__), WORD_COUNT(__VA_ARGS__)))

/* Arguments of `coordinate` before the releases: no newer epoch was seen, and the stream's shape. */
#define SHAPE_WORDS "0", "100", "reject", "1", "off"

/* --- fixtures --------------------------------------------------------------------------------------- */

static int start_redis_with(const char *arguments)
{
	test_rig_set_up_directory(NULL);
	test_rig_start(arguments);
	for (int i = 0; i < SEG_SCRIPT_COUNT; i++) {
		const char *sha = command("SCRIPT LOAD %s", seg_script_sources[i].text);
		if (strlen(sha) != 40)
			fail_msg("%s: %s", seg_script_sources[i].name, sha);
		snprintf(script_sha[i], sizeof(script_sha[i]), "%s", sha);
	}
	return 0;
}

static inline int start_redis(void **state)
{
	(void)state;
	return start_redis_with(NULL);
}

static int empty_redis(void **state)
{
	(void)state;
	command("CONFIG SET maxmemory 0");
	command("FLUSHALL");
	return 0;
}

#endif
