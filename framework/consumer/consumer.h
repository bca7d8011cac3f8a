/*
 * consumer.h - what a pull consumer consists of: a member of the group whose batches the caller's threads poll.
 *
 * open.c makes and ends it; hooks.c is the I/O thread's side, consumer.c the callers'. `lock` guards the holdings. A thread holds
 * the lock only for a short time, and never while it waits for Redis, decodes data or logs, because the I/O thread takes the
 * lock, too. A caller owns the batch that it holds until it releases the batch. If the ownership ends before, the partition
 * goes to another owner at once, and the release frees the batch.
 */
#ifndef SEG_CONSUMER_CONSUMER_H
#define SEG_CONSUMER_CONSUMER_H

#include <pthread.h>

#include "consumer/holding.h"
#include "group/member.h"
#include "group/targets.h"

struct seg_consumer {
	seg_stream *stream;
	seg_member *member;
	seg_codec codec;
	int64_t max_processing; /* ns; 0: no bound */
	ck_ec32_t event;        /* counted up by every push, answer and commit */

	/* Of outputs; constant. */
	seg_targets targets;
	const char **output_names; /* NULL-terminated; NULL: there are none */
	uint64_t pending_bytes; /* of outputs that wait for Redis, beyond which a partition's callers wait */
	uint64_t emitted_bytes; /* of what a batch has emitted for messages that are not committed */

	pthread_mutex_t lock;
	seg_holding *holdings;
	uint32_t holding_count;
	uint32_t cursor; /* the holding where the next poll begins, so that each partition gets its turn */
	bool closing;
	bool unadded; /* while it was closing, outputs of committed messages could not be added in time */
	bool failed;
	seg_error failure;
};

#endif
