#include "answer.h"

#include "effects.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SHOWN = 100 };

/* The answer itself is shown up to a length, on one line. */
static int fail(const char *why, const char *text, size_t length, char *error, size_t error_size)
{
	char shown[SHOWN + 1];
	size_t n = length < SHOWN ? length : SHOWN;
	for (size_t i = 0; i < n; i++)
		shown[i] = (unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e ? '?' : text[i];
	shown[n] = '\0';
	snprintf(error, error_size, "invalid answer \"%s%s\"; %s", shown, length > SHOWN ? "..." : "", why);
	return -1;
}

static const char *check(exec_answer *answer, json_t *object)
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
	const char *why = effects_check(object);
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
	const char *why =
		json_is_object(object) ? check(answer, object) : "expected JSON; send diagnostics to stderr";
	json_decref(object);
	return why ? fail(why, text, length, error, error_size) : 0;
}
