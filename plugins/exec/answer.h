/*
 * answer.h - what a child says of a message, from its bytes.
 *
 *     {"ok":true}    {"retry":"why"}    {"dead_letter":"why"}
 *
 * each with "id" of the message besides, if the child likes; then it is checked. Pure; any thread.
 */
#ifndef PLUGINS_EXEC_ANSWER_H
#define PLUGINS_EXEC_ANSWER_H

#include <segmenter/handler.h>

typedef struct exec_answer {
	seg_id id;        /* of the message, set by the caller */
	uint32_t outcome; /* a seg_outcome: done, retry or dead letter */
	char *reason;     /* NULL where done; to be freed */
} exec_answer;

/*
 * Reads one answer to the message answer->id. Returns 0, or -1 with a line in error that shows what was said:
 * then the child does not speak the protocol.
 */
int answer_parse(exec_answer *answer, const char *text, size_t length, char *error, size_t error_size);

#endif
