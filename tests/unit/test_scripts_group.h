/*
 * test_scripts_group.h - what the tests of the scripts of a group share: one group in one partition, and short names for the calls of
 * its owner. Include it after cmocka.h.
 */
#ifndef TEST_SCRIPTS_GROUP_H
#define TEST_SCRIPTS_GROUP_H

#include "test_scripts.h"
#include "test_scripts_keys.h"

static inline const char *open_group(const char *start)
{
	return run(OPEN_GROUP, 2, LOG, STATE, "g", start);
}

static inline void cut_at(char *text, const char *word)
{
	char *at = strstr(text, word);
	if (at)
		*at = '\0';
}

static inline const char *claim(const char *epoch, const char *nonce)
{
	static char answer[512];
	snprintf(answer, sizeof(answer), "%s", run(CLAIM, 2, LOG, STATE, "g", "0", "me", epoch, nonce));
	/* The run is a time: after_a_reset_or_in_a_new_log_the_run_rises looks at it. */
	cut_at(answer, " RUN ");
	/* a_claim_tells_the_size_of_the_larger_entry_at_the_ends_of_the_log */
	cut_at(answer, " ENTRY ");
	return answer;
}

static inline const char *commit(const char *epoch, const char *nonce, const char *position,
				 const char *count)
{
	return run(COMMIT, 2, LOG, STATE, "g", epoch, nonce, position, count, "0");
}

static inline const char *release(const char *epoch, const char *nonce, const char *position,
				  const char *count)
{
	return run(COMMIT, 2, LOG, STATE, "g", epoch, nonce, position, count, "1");
}

static inline const char *mark(const char *epoch, const char *nonce, const char *id)
{
	return run(MARK, 2, LOG, STATE, epoch, nonce, "mark", id, "2");
}

static inline const char *note(const char *epoch, const char *nonce, const char *what, const char *id,
			       const char *deaths)
{
	return run(MARK, 2, LOG, STATE, epoch, nonce, what, id, deaths);
}

static inline const char *dead_letter(const char *epoch, const char *nonce, const char *id, const char *count)
{
	return run(DEAD_LETTER, 3, LOG, STATE, DEAD, "g", epoch, nonce, id, count, "it is broken", "3",
		   "wordcount", "7", "0", "drop-oldest");
}

static inline const char *limited_letter(const char *id, const char *count, const char *limit,
					 const char *full)
{
	return run(DEAD_LETTER, 3, LOG, STATE, DEAD, "g", "5", "n", id, count, "it is broken", "3",
		   "wordcount", "7", limit, full);
}

/* `count` entries with the ids 1-1, 1-2, ... */
static inline void fill_log(int count)
{
	for (int i = 1; i <= count; i++)
		command("XADD " LOG " 1-%d partitionKey k data %d", i, i);
}

static char field_text[128];

/* A field of XINFO GROUPS. */
static inline const char *group_field(const char *name)
{
	redisReply *groups = test_server_command(rig.redis, "XINFO GROUPS " LOG);
	snprintf(field_text, sizeof(field_text), "no group");
	if (groups->type == REDIS_REPLY_ARRAY && groups->elements == 1) {
		redisReply *fields = groups->element[0];
		for (size_t i = 0; i < fields->elements; i += 2)
			if (strcmp(fields->element[i]->str, name) == 0 &&
			    fields->element[i + 1]->type == REDIS_REPLY_INTEGER)
				snprintf(field_text, sizeof(field_text), "%lld",
					 fields->element[i + 1]->integer);
			else if (strcmp(fields->element[i]->str, name) == 0)
				snprintf(field_text, sizeof(field_text), "%s",
					 fields->element[i + 1]->str ? fields->element[i + 1]->str : "nil");
	}
	freeReplyObject(groups);
	return field_text;
}

static inline const char *position(void)
{
	return group_field("last-delivered-id");
}

static inline const char *state_field(const char *name)
{
	return command("HGET " STATE " %s", name);
}

#define TEST(function) cmocka_unit_test_setup(function, empty_redis)

#endif
