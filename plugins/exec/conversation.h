/*
 * conversation.h - sends messages to a child and reads its answers, several under way at a time.
 *
 * framing lines: a message is a line of JSON, and so is an answer.
 * framing frames: a message is two frames, JSON and the raw data; an answer is one frame of JSON. A frame is its length
 * (4 bytes, big-endian) and that many bytes.
 *
 * Only the partition's worker calls these functions.
 */
#ifndef PLUGINS_EXEC_CONVERSATION_H
#define PLUGINS_EXEC_CONVERSATION_H

#include "answer.h"
#include "child.h"

typedef struct conversation {
	bool frames;
	size_t window;   /* messages that may wait for an answer at the same time */
	int64_t timeout; /* ns that the child may take for one answer */
	buffer requests; /* encoded; the first `written` bytes are written */
	size_t written;
	buffer answers; /* read; the first `parsed` bytes are parsed */
	size_t parsed;
	uint64_t encoded_ever, written_ever; /* bytes, for this child */
	bool has_answered;                   /* this child */
	bool told; /* the child has been told the partition's values, and what it has changed since took effect */
} conversation;

typedef enum talk_end {
	TALK_ANSWERED, /* all that the child got */
	TALK_LEFT, /* after an answer the child has ended, or written what is none, and has nothing of the next message */
	TALK_FAILED /* the child failed at the first message without an answer */
} talk_end;

/* Forgets requests and answers, for a new child. */
void conversation_reset(conversation *talk);

void conversation_fini(conversation *talk);

/*
 * Sends the child the messages from index `*answered` on. Stores each answer in answers[*answered] and counts *answered up.
 * Ends when all messages are answered. After an answer that is not "ok", sends no more, and ends when the messages that the
 * child has already are answered. Otherwise there is one line in error, and the child must be ended. `answers` has room for
 * batch->count.
 */
talk_end conversation_hold(conversation *talk, child *c, const seg_batch *batch, exec_answer *answers,
			   size_t *answered, char *error, size_t error_size);

/* While no message waits for an answer: what the child has done that it should not, such as to write one. NULL: nothing. Never blocks. */
const char *conversation_disturbance(const conversation *talk, const child *c);

#endif
