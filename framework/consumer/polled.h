/*
 * polled.h - a batch that a caller of a pull consumer holds. It lives until the caller releases it, even if the ownership ends first.
 */
#ifndef SEG_CONSUMER_POLLED_H
#define SEG_CONSUMER_POLLED_H

#include "consumer/emitted.h"
#include "partition/slots.h"

struct seg_lanes;

typedef struct seg_polled {
	seg_batch view;      /* first: this is the caller's seg_batch */
	seg_emitted emitted; /* the caller's, without the lock */

	/* A dead letter. */
	bool asking;     /* Redis has not answered yet */
	unsigned number; /* of the request */
	size_t index;    /* of the message: in `fetched`, or with lanes in the view */
	int status;      /* the newest answer */
	bool lettered;   /* Redis has moved message `index` to the dead letters */
	char *reason;    /* the copy that the request points to; NULL: none */

	/* Without lanes: the view is a part of this. */
	seg_fetched *fetched;

	/* With lanes, that is, `parallel` above 1: */
	struct seg_lanes *lanes; /* NULL: without */
	struct seg_polled *next; /* in the list of those that callers hold */
	seg_item **items;        /* of the view's messages */
	uint64_t *numbers;       /* theirs, among the messages of the ownership; rising */
	seg_message *messages;   /* the view's */
	size_t done;             /* so many are committed by the caller, or dead-lettered */
	int64_t held_since;      /* seg_now() */
	bool released;           /* the caller has released it while it was asking */
} seg_polled;

#endif
