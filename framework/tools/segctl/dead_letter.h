/* dead_letter.h - reads and removes the dead letters of a group. */
#ifndef CTL_DEAD_LETTER_H
#define CTL_DEAD_LETTER_H

#include "context.h"
#include "message.h"

typedef struct ctl_dead_letter {
	uint32_t partition;
	char id[SEG_ID_TEXT_MAX]; /* of the letter */
	seg_id original;          /* the message's id in its log */
	const char *reason, *handler;
	uint64_t attempts;
	uint64_t time_ms;    /* when the message became a dead letter */
	ctl_message content; /* the message; its id is the letter's */
} ctl_dead_letter;

/* Selects letters that meet all conditions. NULL, 0 and -1: no condition. */
typedef struct ctl_letter_filter {
	const char *handler; /* exactly this handler */
	const char *reason;  /* the reason contains this */
	const char *key;     /* exactly this key */
	const char *since;   /* a time, or an age ("1h") */
	int64_t partition;
	uint64_t since_ms; /* ctl_letter_filter_init sets it from `since` */
} ctl_letter_filter;

/* Checks the filter, and parses `since`. 0, or an exit code after one line on standard error. */
int ctl_letter_filter_init(ctl_letter_filter *filter, ctl_context *context, const seg_stream *stream);

/* Gets a letter, which is valid until the function returns. False ends the visit, without an error. */
typedef bool (*ctl_letter_fn)(void *arg, const ctl_dead_letter *letter);

/*
 * Calls fn for each selected letter, oldest first within a partition. Reads a page at a time; fn may use the client, and
 * may change Redis. 0, or an exit code after one line on standard error.
 */
int ctl_letters_visit(ctl_context *context, const seg_stream *stream, const char *group,
		      const ctl_letter_filter *filter, ctl_letter_fn fn, void *arg);

/* Removes a letter. 0, or an exit code after one line on standard error, which names the letter, with `remark` behind it ("": none). */
int ctl_letter_remove(ctl_context *context, const seg_stream *stream, const char *group,
		      const ctl_dead_letter *letter, const char *remark);

#endif
