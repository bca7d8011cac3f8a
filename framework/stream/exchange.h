/*
 * exchange.h - one blocking call of a client: commands out, answers in, again after a lost connection, all
 * within the client's timeout, one call at a time.
 *
 * A call says what is still to be asked (issue) and reads the answers (callbacks that begin with
 * seg_exchange_answer, or seg_exchange_counted where they judge errors themselves). Everything asked must
 * bear being asked again: the scripts are made so.
 */
#ifndef SEG_STREAM_EXCHANGE_H
#define SEG_STREAM_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "stream/client.h"

typedef struct seg_exchange seg_exchange;

struct seg_exchange {
	/* Issues all that has no answer yet, adding to `waiting` for each; false: memory is out. */
	bool (*issue)(seg_exchange *exchange, seg_connection *connection);

	int64_t deadline; /* seg_now() by which the call ends, where the client's timeout is later; 0: none */
	size_t waiting;   /* answers that are due */
	bool done;        /* none is */
	bool again;       /* some were lost or refused for now: another round */
	seg_error failure; /* an answer that ends the call, or, if `again`, the newest refusal */
};

/* Counts an answer as having come. */
void seg_exchange_counted(seg_exchange *exchange);

/*
 * The same, and judges it: false for a lost one and for what may be better in a moment (then `again` is
 * set), and for an error (then `failure` is).
 */
bool seg_exchange_answer(seg_exchange *exchange, const seg_reply *reply);

/*
 * Runs it on the client's connection: 0 when no round is wanted any more; else a status, with its reason in
 * error (not NULL), and everything that was issued answered or lost.
 */
int seg_exchange_run(seg_exchange *exchange, seg_client *client, seg_error *error);

#endif
