/* answer.h - a handler's answer: the names of its outcomes, and whether handler.h allows the answer. Pure; any thread. */
#ifndef SEG_PLUGIN_ANSWER_H
#define SEG_PLUGIN_ANSWER_H

#include <stddef.h>

#include <segmenter/handler.h>

/* Room for what seg_answer_check writes, its NUL included. */
#define SEG_ANSWER_TEXT_MAX 128

/* "done", "retry", "dead_letter" or "stop"; "?" for an unknown outcome. */
const char *seg_outcome_name(uint32_t outcome);

/* The seg_outcome of that name, or -1. */
int seg_outcome_parse(const char *name);

/*
 * Returns the answer to a batch of `count` >= 1 messages if handler.h allows it. Otherwise writes what is wrong into
 * text[size], and returns a retry of the first message whose reason is that text:
 *
 *     invalid answer: retry at index 2; the batch has indexes 0-1
 */
seg_answer seg_answer_check(seg_answer answer, size_t count, char *text, size_t size);

#endif
