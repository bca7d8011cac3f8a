/*
 * conversation.h - messages to a child and its answers back, several under way at a time.
 *
 * framing lines: a message is a line of JSON, an answer too.
 * framing frames: a message is two frames, JSON and the data as it is; an answer is one frame of JSON. A
 * frame is its length, 4 bytes, big-endian, and then so many bytes.
 *
 * One thread at a time: the partition's worker.
 */
#ifndef PLUGINS_EXEC_CONVERSATION_H
#define PLUGINS_EXEC_CONVERSATION_H

#include "answer.h"
#include "child.h"

typedef struct conversation {
	bool frames;
	size_t window;   /* messages that may be without an answer */
	int64_t timeout; /* ns that the child may take for one answer */
	buffer requests; /* encoded, and not all written yet */
	size_t written;
	buffer answers; /* read, and not all parsed yet */
	size_t parsed;
} conversation;

/* Forgets what was said: for a new child. */
void conversation_reset(conversation *talk);

void conversation_fini(conversation *talk);

/*
 * Hands the child the messages from `*answered` on, and adds each answer to answers[*answered], until all are
 * answered or one of them is not "ok": what the child has by then is answered too, and no more is sent.
 * Returns 0, or -1 with a line in error; then the child must be ended. answers has batch->count places.
 */
int conversation_hold(conversation *talk, child *c, const seg_batch *batch, exec_answer *answers,
		      size_t *answered, char *error, size_t error_size);

/* Whether the child has said something that nobody asked for. Never blocks. */
bool conversation_is_disturbed(const child *c);

#endif
