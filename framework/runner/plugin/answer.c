#include "plugin/answer.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const outcome_names[] = {
	[SEG_OUTCOME_DONE] = "done",
	[SEG_OUTCOME_RETRY] = "retry",
	[SEG_OUTCOME_DEAD_LETTER] = "dead_letter",
	[SEG_OUTCOME_STOP] = "stop",
};

enum { OUTCOMES = sizeof(outcome_names) / sizeof(outcome_names[0]) };

const char *seg_outcome_name(uint32_t outcome)
{
	return outcome < OUTCOMES ? outcome_names[outcome] : "?";
}

int seg_outcome_parse(const char *name)
{
	for (int i = 0; i < OUTCOMES; i++)
		if (strcmp(name, outcome_names[i]) == 0)
			return i;
	return -1;
}

static bool is_valid(seg_answer answer, size_t count)
{
	switch (answer.outcome) {
	case SEG_OUTCOME_DONE:
		return true; /* its index has no meaning */
	case SEG_OUTCOME_STOP:
		return answer.index <= count; /* count: all messages are done */
	default:
		return answer.outcome < OUTCOMES && answer.index < count;
	}
}

static void describe_invalid(seg_answer answer, size_t count, char *text, size_t size)
{
	if (answer.outcome >= OUTCOMES) {
		snprintf(text, size,
			 "invalid answer: unknown outcome %" PRIu32
			 "; use seg_done, seg_retry, seg_dead_letter or seg_stop",
			 answer.outcome);
		return;
	}
	int used = snprintf(text, size, "invalid answer: %s at index %" PRIu32 "; the batch has ",
			    outcome_names[answer.outcome], answer.index);
	if (used < 0 || (size_t)used >= size)
		return;
	if (count == 1)
		snprintf(text + used, size - (size_t)used, "only index 0");
	else
		snprintf(text + used, size - (size_t)used, "indexes 0-%zu", count - 1);
}

seg_answer seg_answer_check(seg_answer answer, size_t count, char *text, size_t size)
{
	if (is_valid(answer, count))
		return answer;
	describe_invalid(answer, count, text, size);
	return (seg_answer){SEG_OUTCOME_RETRY, 0, text};
}
