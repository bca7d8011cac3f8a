#include "stream/confirmation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

void seg_confirmation_add(seg_confirmation **open, seg_connection *connection, seg_producer_batch *batch,
			  seg_settle_fn settle, void *arg)
{
	if (!*open) {
		*open = calloc(1, sizeof(**open));
		if (!*open)
			return;
		**open = (seg_confirmation){.connection = connection, .settle = settle, .arg = arg};
		TAILQ_INIT(&(*open)->batches);
	}
	TAILQ_INSERT_TAIL(&(*open)->batches, batch, in_confirmation);
	batch->confirmation = *open;
}

void seg_confirmation_leave(seg_producer_batch *batch)
{
	if (batch->confirmation)
		TAILQ_REMOVE(&batch->confirmation->batches, batch, in_confirmation);
	batch->confirmation = NULL;
}

static void got_count(void *arg, const seg_reply *reply)
{
	seg_confirmation *confirmation = arg;
	int64_t replicas = reply && reply->type == SEG_REPLY_INTEGER ? reply->integer : -1;
	bool refused = reply && reply->type == SEG_REPLY_ERROR && !seg_reply_is_transient(reply);
	const char *why = refused ? reply->text : NULL;
	seg_producer_batch *batch;
	while ((batch = TAILQ_FIRST(&confirmation->batches))) {
		seg_confirmation_leave(batch);
		confirmation->settle(confirmation->arg, batch, replicas, why);
	}
	free(confirmation);
}

bool seg_confirmation_ask(seg_confirmation *confirmation, uint32_t replicas, int64_t timeout)
{
	char count[12], ms[24];
	snprintf(count, sizeof(count), "%" PRIu32, replicas);
	snprintf(ms, sizeof(ms), "%" PRId64, timeout / SEG_MS);
	seg_connection *connection = confirmation->connection;
	if (connection &&
	    seg_connection_words(connection, got_count, confirmation, "WAIT", count, ms, (char *)NULL))
		return true;
	seg_producer_batch *batch;
	while ((batch = TAILQ_FIRST(&confirmation->batches)))
		seg_confirmation_leave(batch);
	free(confirmation);
	return false;
}

int seg_confirmation_refused(const char *why, seg_error *error)
{
	return seg_fail(error, SEG_EUNKNOWN,
			"the record was added, but Redis refused WAIT, which ack_replicas needs: %.200s; "
			"grant +wait or set ack_replicas to 0",
			why);
}

int seg_confirmation_explain(int64_t replicas, uint32_t wanted, int64_t timeout, const char *why,
			     seg_error *error)
{
	if (why)
		return seg_confirmation_refused(why, error);
	return seg_fail(error, SEG_EUNKNOWN,
			"the record was added, but %" PRId64 " instead of ack_replicas = %" PRIu32
			" replicas confirmed it within %" PRId64 " ms",
			replicas, wanted, timeout / SEG_MS);
}
