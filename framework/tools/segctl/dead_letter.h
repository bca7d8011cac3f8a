/* dead_letter.h - the dead letters of a group, and which of them are meant. */
#ifndef CTL_DEAD_LETTER_H
#define CTL_DEAD_LETTER_H

#include "batch.h"
#include "message.h"

typedef struct ctl_dead_letter {
	uint32_t partition;
	char id[SEG_ID_TEXT_MAX]; /* of the letter */
	seg_id original;          /* of the message */
	const char *reason, *handler;
	uint64_t attempts;
	uint64_t time_ms;    /* when it became one */
	ctl_message content; /* the message as it was; its id is the letter's */
} ctl_dead_letter;

/* Which letters; NULL, 0 and -1: all. */
typedef struct ctl_letter_filter {
	const char *handler; /* exactly */
	const char *reason;  /* a part of it */
	const char *key;     /* exactly */
	const char *since;   /* a time, or an age ("1h"), as it was written */
	int64_t partition;
	uint64_t since_ms; /* of `since`, once ctl_letter_filter_init has read it */
} ctl_letter_filter;

/* Reads what was written. 0, or an exit code, its reason printed. */
int ctl_letter_filter_init(ctl_letter_filter *filter, const seg_stream *stream);

/*
 * Called for each letter that is meant, oldest first within a partition. The letter lives until it returns.
 * False ends the visit, which is no error.
 */
typedef bool (*ctl_letter_fn)(void *arg, const ctl_dead_letter *letter);

/*
 * Reads the letters a page at a time; fn may change what lies in Redis, and the client is free for it. 0, or
 * an exit code, its reason printed.
 */
int ctl_letters_visit(ctl_context *context, const seg_stream *stream, const char *group,
		      const ctl_letter_filter *filter, ctl_letter_fn fn, void *arg);

/* Removes one; 0, or an exit code. */
int ctl_letter_remove(ctl_context *context, const seg_stream *stream, const char *group,
		      const ctl_dead_letter *letter);

#endif
