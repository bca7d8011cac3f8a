#include "answer.h"

#include "effects.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 100, WHY_MAX = 256 };

/* What a child wrote is shown up to a length, on one line. True if that was not all. */
static bool show(const char *text, size_t length, char shown[SHOWN + 1])
{
	size_t n = length < SHOWN ? length : SHOWN;
	for (size_t i = 0; i < n; i++)
		shown[i] = (unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e ? '?' : text[i];
	shown[n] = '\0';
	return length > SHOWN;
}

static int fail(const char *why, const char *text, size_t length, char *error, size_t error_size)
{
	char shown[SHOWN + 1];
	bool cut = show(text, length, shown);
	snprintf(error, error_size, "invalid answer \"%s%s\"; %s", shown, cut ? "..." : "", why);
	return -1;
}

/* The name of a member that no answer has, or NULL: a slip in a name, such as "emits", must not lose records. */
static const char *unknown_field(json_t *object)
{
	static const char *const names[] = {"ok", "retry", "dead_letter", "id", "emit", "state"};
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		size_t i = 0;
		while (i < sizeof(names) / sizeof(names[0]) && strcmp(names[i], key) != 0)
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return key;
	}
	return NULL;
}

/* Returns text. */
static const char *explain_field(const char *name, char text[WHY_MAX])
{
	char shown[SHOWN + 1];
	bool cut = show(name, strlen(name), shown);
	snprintf(text, WHY_MAX,
		 "an answer has no field \"%s%s\", only ok, retry, dead_letter, id, emit and state", shown,
		 cut ? "..." : "");
	return text;
}

/* NULL, or what is wrong; it may be in `text`. */
static const char *check(exec_answer *answer, json_t *object, char text[WHY_MAX])
{
	char id[SEG_ID_TEXT_MAX];
	snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, answer->id.ms, answer->id.seq);
	const json_t *named = json_object_get(object, "id");
	if (named && (!json_is_string(named) || strcmp(json_string_value(named), id) != 0))
		return "expected the id of the next message; answer messages in the order in which they came";
	const char *retry = json_string_value(json_object_get(object, "retry"));
	const char *dead_letter = json_string_value(json_object_get(object, "dead_letter"));
	bool ok = json_is_true(json_object_get(object, "ok"));
	if (ok + (retry != NULL) + (dead_letter != NULL) != 1)
		return "expected {\"ok\":true}, {\"retry\":\"why\"} or {\"dead_letter\":\"why\"}";
	const char *unknown = unknown_field(object);
	const char *why = unknown ? explain_field(unknown, text) : effects_check(object);
	if (why)
		return why;
	answer->outcome = ok ? SEG_OUTCOME_DONE : retry ? SEG_OUTCOME_RETRY : SEG_OUTCOME_DEAD_LETTER;
	answer->reason = ok ? NULL : strdup(retry ? retry : dead_letter);
	/* What belongs to a message that is not done would be dropped anyway. */
	answer->effects = ok && effects_are_in(object) ? json_incref(object) : NULL;
	return ok || answer->reason ? NULL : "out of memory";
}

void answer_fini(exec_answer *answer)
{
	free(answer->reason);
	json_decref(answer->effects);
	*answer = (exec_answer){0};
}

int answer_parse(exec_answer *answer, const char *text, size_t length, char *error, size_t error_size)
{
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	char said[WHY_MAX];
	const char *why = json_is_object(object) ? check(answer, object, said)
						 : "expected JSON; send diagnostics to stderr";
	json_decref(object);
	return why ? fail(why, text, length, error, error_size) : 0;
}
