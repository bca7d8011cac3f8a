/*
 * hindrance.h - what keeps the owner of a partition from going on at this moment.
 *
 * The owner notes it in Redis (group/hindrance.h), where every tool looks (look/snapshot.h). There is one at a time: while a
 * message waits for its next attempt, or for room among the dead letters, no call of the handler is made. Only outputs may wait at
 * the same time: they are told of if they are what the position waits for. Replicas that do not confirm commits are told of if there is
 * nothing else. What Redis refuses is told of before all but a call that hangs and dead letters that are full.
 */
#ifndef SEG_PARTITION_HINDRANCE_H
#define SEG_PARTITION_HINDRANCE_H

#include <stdbool.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "base/clock.h"

typedef enum seg_hindrance_kind {
	SEG_HINDRANCE_NONE,
	SEG_HINDRANCE_RETRY,  /* the next message failed, and is tried again */
	SEG_HINDRANCE_HANG,   /* a call of the handler has not returned for long */
	SEG_HINDRANCE_FULL,   /* the next message is to become a dead letter, and there is no room for one */
	SEG_HINDRANCE_BEYOND, /* with lanes: so much is done beyond the message that nothing more is read */
	SEG_HINDRANCE_TARGET, /* what the handler has emitted cannot be added to its stream */
	SEG_HINDRANCE_REPLICAS, /* commits do not count: too few replicas confirm them */
	SEG_HINDRANCE_REFUSED,  /* Redis refuses commits, or what else the owner asks for */
} seg_hindrance_kind;

/* Whether such partitions are counted kind by kind. What Redis refuses is judged for all partitions of a member (group/refusal.h). */
bool seg_hindrance_is_counted(seg_hindrance_kind kind);

/* Replicas that are late for less, and refusals that pass sooner, are not told of. */
#define SEG_HINDRANCE_TELL_AFTER (1 * SEG_SECOND)

/* Room for a text, its NUL included; longer ones are cut. */
#define SEG_HINDRANCE_TEXT_MAX 300

typedef struct seg_hindrance {
	seg_hindrance_kind kind;
	seg_id id; /* the message; 0-0: it concerns none */
	uint64_t
		number; /* RETRY: the next attempt, 2, 3, ...; FULL: dead_letter_limit; BEYOND: messages done beyond it */
	int64_t at; /* seg_now(): RETRY: of the next attempt; else since when it holds */
	char text
		[SEG_HINDRANCE_TEXT_MAX]; /* RETRY: why the message failed; HANG: which call; FULL: the letter's reason; BEYOND: the limit, and why the message fails; TARGET: what is wrong there; REPLICAS: what they say; REFUSED: which call, and why */
} seg_hindrance;

/* The name of each kind in Redis and in JSON; NULL is last. */
extern const char *const seg_hindrance_names[];

/* Sets `text`: cut to its room, and in one line, whatever a plugin wrote. */
void seg_hindrance_set_text(seg_hindrance *hindrance, const char *text);

/* Room for a sentence, its NUL included. */
enum { SEG_HINDRANCE_SENTENCE_MAX = 480 };

/* Writes "message 5-0 fails: the store is away; attempt 7 in 12 s", or what else there is to say; "" for NONE. Returns text. */
char *seg_hindrance_sentence(const seg_hindrance *hindrance, int64_t now,
			     char text[SEG_HINDRANCE_SENTENCE_MAX]);

#endif
