/*
 * exchange.h - one blocking call of a client: it issues commands, waits for the answers, and repeats what was
 * lost with the connection, all within the client's timeout. A client runs one exchange at a time.
 *
 * The caller supplies `issue`, and a callback for each command that begins with seg_exchange_answer (or with
 * seg_exchange_counted, if it judges errors itself). Every command must be safe to repeat; the scripts are.
 * Any thread.
 */
#ifndef SEG_STREAM_EXCHANGE_H
#define SEG_STREAM_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "stream/client.h"

typedef struct seg_exchange seg_exchange;

struct seg_exchange {
	/*
	 * Issues every command that has no answer yet, and adds 1 to `waiting` for each. False if out of
	 * memory.
	 */
	bool (*issue)(seg_exchange *exchange, seg_route *route);

	bool held;        /* the caller holds the client: see seg_exchange_hold */
	int64_t deadline; /* seg_now() by which the call ends, where the client's timeout is later; 0: none */
	/* The callbacks do without nodes of a cluster that do not answer: these get NULL well before the deadline. */
	bool partial;
	size_t waiting;    /* answers that are due */
	bool done;         /* no answer is due */
	bool again;        /* some answers were lost or refused for now: run another round */
	seg_error failure; /* the error that ends the call; with `again`, the newest refusal */
};

/* Counts one answer. */
void seg_exchange_counted(seg_exchange *exchange);

/*
 * Counts one answer and judges it. True: it is no error, read it. False: it was lost or is transient, and
 * `again` is set; or it is an error, and `failure` is set. reply is NULL for a lost answer.
 */
bool seg_exchange_answer(seg_exchange *exchange, const seg_reply *reply);

/*
 * For several exchanges that belong together: no other call of the client comes in between. Waits until `deadline` (seg_now()) for calls
 * that are running. 0, or a status with its reason in error (not NULL). Release after 0.
 */
int seg_exchange_hold(seg_client *client, int64_t deadline, seg_error *error);
void seg_exchange_release(seg_client *client);

/*
 * Runs the exchange on the client's connection, for up to the client's timeout. 0 if every command was
 * answered without error, else a status with its reason in error (not NULL). On return no callback is
 * pending.
 */
int seg_exchange_run(seg_exchange *exchange, seg_client *client, seg_error *error);

#endif
