/*
 * test_scripts_coordinate.h - what the tests of the script coordinate share: a group of one stream with four partitions, and short names
 * for the calls of its members. Include it after cmocka.h.
 */
#ifndef TEST_SCRIPTS_COORDINATE_H
#define TEST_SCRIPTS_COORDINATE_H

#include "test_scripts.h"
#include "test_scripts_keys.h"

enum { PARTITION_COUNT = 4 };

typedef struct {
	unsigned p;
	unsigned long long epoch;
	int revoked;
} owned;

typedef struct {
	char status[16];
	unsigned long long now, generation;
	long long next_expiry;
	int count; /* -1: the answer had no share */
	owned owned[PARTITION_COUNT];
} answer;

static const char *session = "60000", *capacity = "100", *known = "0";

/* One call for the member `name` by the process `incarnation`; `released` is "p epoch p epoch", or NULL. */
static inline answer call(const char *command_word, const char *name, const char *incarnation,
			  const char *released)
{
	const char *words[6 + 13 + 64] = {MEMBERS, LEASES,   PARTITIONS,   CONTROL, GROUPS,
					  INFO,    "g",      command_word, name,    incarnation,
					  session, capacity, "4",          known,   SHAPE_WORDS};
	char text[512];
	int count = 19;
	snprintf(text, sizeof(text), "%s", released ? released : "");
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		words[count++] = word;
	redisReply *reply = script_reply(SEG_SCRIPT_COORDINATE, 6, words, count);
	if (reply->type != REDIS_REPLY_ARRAY)
		fail_msg("%s %s: %s", command_word, name, reply->str);
	answer a = {.count = -1};
	snprintf(a.status, sizeof(a.status), "%s", reply->element[0]->str);
	a.now = strtoull(reply->element[1]->str, NULL, 10);
	a.generation = strtoull(reply->element[2]->str, NULL, 10);
	a.next_expiry = atoll(reply->element[3]->str);
	if (reply->element[4]->type == REDIS_REPLY_ARRAY) {
		redisReply *share = reply->element[4];
		a.count = (int)share->elements / 3;
		assert_true(a.count <= PARTITION_COUNT);
		for (int i = 0; i < a.count; i++)
			a.owned[i] = (owned){.p = (unsigned)atoi(share->element[3 * i]->str),
					     .epoch = strtoull(share->element[3 * i + 1]->str, NULL, 10),
					     .revoked = atoi(share->element[3 * i + 2]->str)};
	}
	freeReplyObject(reply);
	return a;
}

static inline answer join(const char *name, const char *incarnation)
{
	return call("join", name, incarnation, NULL);
}

static inline answer heartbeat(const char *name, const char *incarnation, const char *released)
{
	return call("heartbeat", name, incarnation, released);
}

static inline answer leave(const char *name, const char *incarnation)
{
	return call("leave", name, incarnation, NULL);
}

static inline answer knowing(unsigned long long generation, const char *name, const char *incarnation)
{
	static char text[24];
	snprintf(text, sizeof(text), "%llu", generation);
	known = text;
	answer a = heartbeat(name, incarnation, NULL);
	known = "0";
	return a;
}

/* "p epoch" of every partition that the answer wants released. */
static inline const char *revoked(const answer *a)
{
	static char text[512];
	size_t at = 0;
	text[0] = '\0';
	for (int i = 0; i < a->count; i++)
		if (a->owned[i].revoked)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%u %llu ", a->owned[i].p,
					       a->owned[i].epoch);
	return text;
}

static inline const char *released_of(owned o)
{
	static char text[64];
	snprintf(text, sizeof(text), "%u %llu", o.p, o.epoch);
	return text;
}

static inline int revoked_count(const answer *a)
{
	int count = 0;
	for (int i = 0; i < a->count; i++)
		count += a->owned[i].revoked;
	return count;
}

static inline void expire(const char *name)
{
	command("ZADD " LEASES " 1 %s", name);
}

static inline void set_session(const char *ms)
{
	session = ms;
}

/* Epochs follow Redis's clock, in ms, so wait for its next millisecond. */
static inline void await_next_millisecond(void)
{
	const char *now_ms = "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000)";
	long long before = command_number("EVAL %s 0", now_ms);
	while (command_number("EVAL %s 0", now_ms) == before)
		;
}

static inline int empty(void **state)
{
	session = "60000";
	capacity = "100";
	return empty_redis(state);
}

#define TEST(function) cmocka_unit_test_setup(function, empty)

#endif
