/*
 * answer.h - parses a child's answer to one message.
 *
 *     {"ok":true}    {"retry":"why"}    {"dead_letter":"why"}
 *
 * An answer that is ok can have "emit" and "state" (effects.h). The child may add the message's "id"; then the id is checked. An
 * answer with any other field is invalid. Pure; any thread.
 */
#ifndef PLUGINS_EXEC_ANSWER_H
#define PLUGINS_EXEC_ANSWER_H

#include <jansson.h>

#include <segmenter/handler.h>

typedef struct exec_answer {
	seg_id id;        /* of the message; the caller sets it */
	uint32_t outcome; /* a seg_outcome: done, retry or dead letter */
	char *reason;     /* NULL if done */
	json_t *effects;  /* what it emits and changes; NULL: nothing */
	uint64_t begins;  /* before there is an answer: bytes for the child before the message */
} exec_answer;

/* Frees what an answer that was parsed holds. */
void answer_fini(exec_answer *answer);

/*
 * Parses the answer to the message answer->id. Returns 0, or -1 with one line in error that shows the answer: then the
 * child does not speak the protocol.
 */
int answer_parse(exec_answer *answer, const char *text, size_t length, char *error, size_t error_size);

#endif
