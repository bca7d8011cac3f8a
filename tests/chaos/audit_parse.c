#include "chaos/audit.h"

#include <stdlib.h>
#include <string.h>

enum { CLAIM, COMMIT, DEAD_LETTER, NO_SCRIPT = -1, WORDS_MAX = 16, WORD_SIZE = 512 };

/* Splits the first words of `"A" "B" ...` into words. A word that is too long is cut. */
static int split(const char *line, char words[WORDS_MAX][WORD_SIZE])
{
	int count = 0;
	for (const char *c = line; count < WORDS_MAX && (c = strchr(c, '"')); count++) {
		size_t length = 0;
		for (c++; *c && *c != '"'; c++) {
			if (*c == '\\' && c[1])
				c++;
			if (length < WORD_SIZE - 1)
				words[count][length++] = *c;
		}
		words[count][length] = '\0';
		if (*c)
			c++;
	}
	return count;
}

static bool partition_of(const char *key, uint32_t *partition)
{
	const char *number = strstr(key, ":partition_");
	if (!number)
		return false;
	*partition = (uint32_t)strtoul(number + strlen(":partition_"), NULL, 10);
	return true;
}

static bool is_of_output(const char *key)
{
	return strstr(key, ":" CHAOS_OUTPUT ":partition_");
}

/* The epoch among a script's arguments, behind its keys, whose number differs; framework/lua/README.md has their order. */
static const char *epoch_of(int script, char words[WORDS_MAX][WORD_SIZE])
{
	enum { EVALSHA_KEYS = 3, CLAIM_EPOCH = 3, COMMIT_EPOCH = 1, DEAD_LETTER_EPOCH = 1 };
	unsigned long keys = strtoul(words[EVALSHA_KEYS - 1], NULL, 10);
	size_t at = script == CLAIM ? CLAIM_EPOCH : script == COMMIT ? COMMIT_EPOCH : DEAD_LETTER_EPOCH;
	return keys + at + EVALSHA_KEYS < WORDS_MAX ? words[EVALSHA_KEYS + keys + at] : "";
}

static void take_call(chaos_audit_parser *p, const char *line)
{
	char words[WORDS_MAX][WORD_SIZE] = {""};
	p->script = NO_SCRIPT;
	if (!strstr(line, "\"EVALSHA\"") || split(line, words) < 8)
		return;
	for (int i = 0; i < 3; i++)
		if (strcmp(words[1], p->sha[i]) == 0 && partition_of(words[3], &p->partition))
			p->script = i;
	p->of_output = is_of_output(words[3]);
	if (p->script != NO_SCRIPT)
		p->epoch = strtoull(epoch_of(p->script, words), NULL, 10);
}

static const char *value_of(const char *field, char words[WORDS_MAX][WORD_SIZE], int count)
{
	for (int i = 2; i + 1 < count; i += 2)
		if (strcmp(words[i], field) == 0)
			return words[i + 1];
	return NULL;
}

/* A log, a group, a state, or everything was deleted, by a command of its own or by a script. */
static bool take_loss(const char *line, chaos_audit *event)
{
	char words[WORDS_MAX][WORD_SIZE] = {""};
	if (strstr(line, "] \"FLUSHALL\"")) {
		*event = (chaos_audit){.kind = CHAOS_AUDIT_ALL_LOST};
		return true;
	}
	bool group = strstr(line, "] \"XGROUP\" \"DESTROY\"");
	if (!group && !strstr(line, "] \"DEL\""))
		return false;
	split(line, words);
	const char *key = words[group ? 2 : 1];
	if (strstr(key, ":partitions")) {
		*event = (chaos_audit){.kind = CHAOS_AUDIT_ALL_LOST};
		return true;
	}
	*event = (chaos_audit){.kind = group           ? CHAOS_AUDIT_GROUP_LOST
				       : key[0] == '{' ? CHAOS_AUDIT_STATE_LOST
						       : CHAOS_AUDIT_LOG_LOST,
			       .of_output = is_of_output(key)};
	return partition_of(key, &event->partition) && (key[0] != '{' || strstr(key, ":state"));
}

bool chaos_audit_parse(chaos_audit_parser *p, const char *line, chaos_audit *event)
{
	char words[WORDS_MAX][WORD_SIZE] = {""};
	if (take_loss(line, event))
		return true;
	if (!strstr(line, " lua] ")) {
		take_call(p, line);
		return false;
	}
	/* Each of these scripts writes its result to the state hash. */
	if (p->script == NO_SCRIPT || !strstr(line, "lua] \"HSET\""))
		return false;
	int count = split(line, words);
	const char *position = value_of("position", words, count);
	*event = (chaos_audit){.partition = p->partition, .epoch = p->epoch, .of_output = p->of_output};
	if (p->script != CLAIM && value_of("clean", words, count)) {
		event->kind = CHAOS_AUDIT_RELEASE;
		return true;
	}
	if (!position || seg_id_parse(position, &event->id))
		return false;
	if (p->script == CLAIM && !value_of("epoch", words, count))
		return false;
	/* A commit that comes again after a later one writes the position as it is, without the count: nothing moves. */
	event->kind = p->script == CLAIM                ? CHAOS_AUDIT_CLAIM
		      : value_of("count", words, count) ? CHAOS_AUDIT_COMMIT
							: CHAOS_AUDIT_AGAIN;
	return true;
}
