#include "stream/confirmation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"

void seg_confirmation_add(seg_confirmation **open, seg_producer_batch *batch, seg_settle_fn settle, void *arg)
{
	if (!*open) {
		*open = calloc(1, sizeof(**open));
		if (!*open)
			return;
		**open = (seg_confirmation){.settle = settle, .arg = arg};
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
	const char *why = reply && reply->type == SEG_REPLY_ERROR ? reply->text : NULL;
	seg_producer_batch *batch;
	while ((batch = TAILQ_FIRST(&confirmation->batches))) {
		seg_confirmation_leave(batch);
		confirmation->settle(confirmation->arg, batch, replicas, why);
	}
	free(confirmation);
}

bool seg_confirmation_ask(seg_confirmation *confirmation, seg_connection *connection, uint32_t replicas,
			  int64_t timeout)
{
	char count[12], ms[24];
	snprintf(count, sizeof(count), "%" PRIu32, replicas);
	snprintf(ms, sizeof(ms), "%" PRId64, timeout / SEG_MS);
	if (connection &&
	    seg_connection_words(connection, got_count, confirmation, "WAIT", count, ms, (char *)NULL))
		return true;
	seg_producer_batch *batch;
	while ((batch = TAILQ_FIRST(&confirmation->batches)))
		seg_confirmation_leave(batch);
	free(confirmation);
	return false;
}

int seg_confirmation_explain(int64_t replicas, uint32_t wanted, int64_t timeout, const char *why,
			     seg_error *error)
{
	if (why)
		return seg_fail(
			error, SEG_EUNKNOWN,
			"the record was added, but Redis refused WAIT, which ack_replicas needs: %.200s; "
			"grant +wait or set ack_replicas to 0",
			why);
	return seg_fail(error, SEG_EUNKNOWN,
			"the record was added, but %" PRId64 " instead of ack_replicas = %" PRIu32
			" replicas confirmed it within %" PRId64 " ms",
			replicas, wanted, timeout / SEG_MS);
}
