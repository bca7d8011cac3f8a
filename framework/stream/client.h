/*
 * client.h - what a client and a stream are inside the library.
 *
 * The client's one connection serves the blocking calls, one at a time. Whoever needs a connection of its own
 * (producer, consumer) makes one to the same address.
 */
#ifndef SEG_STREAM_CLIENT_H
#define SEG_STREAM_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/names.h"
#include "redis/address.h"
#include "redis/connection.h"
#include "stream/spelling.h"

/* Random bytes in a producer's id, and the length of its text. */
#define SEG_PRODUCER_ID_BYTES 16
#define SEG_PRODUCER_ID_LENGTH (2 * SEG_PRODUCER_ID_BYTES)

struct seg_client {
	seg_address address;
	char name_space[SEG_NAME_MAX + 1];
	int64_t connect_timeout; /* ns */
	int64_t timeout;         /* ns */
	uint64_t max_message_bytes;
	seg_logger logger;

	pthread_mutex_t lock;
	pthread_cond_t idle; /* busy was cleared; on CLOCK_MONOTONIC */
	bool busy;           /* a call has the connection; under the lock */
	atomic_bool kept;    /* a consumer's thread was left behind that still uses it: it is never freed */

	/* Set before the first call, or NULL. True ends the running call and each later one with SEG_ECLOSED. */
	const atomic_bool *cancel;

	/* Of the call that set `busy`: */
	seg_connection *connection;
	char producer_id[SEG_PRODUCER_ID_LENGTH + 1]; /* of the blocking sends */
	uint64_t sequence;                            /* of the newest of their batches */
};

struct seg_stream {
	seg_client *client;
	char name[SEG_NAME_MAX + 1];
	seg_stream_shape shape;
	seg_logger logger;
};

/* The next sequence for a batch of the blocking sends; for the call that set `busy`. */
uint64_t seg_client_next_sequence(seg_client *client);

/* seg_client_close shall not free the client, whose memory a thread that was left behind still uses. Any thread. */
void seg_client_keep(seg_client *client);

/*
 * One script, or one command, on the client's connection: tried until it is answered, at most for the
 * client's timeout. fn gets a reply that is no error, under the client's lock. 0, or a negative status with
 * an error that begins with `what`. Any thread.
 */
int seg_client_script(seg_client *client, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
		      const char *const *argv, const size_t *lengths, const char *what, seg_error *error);
int seg_client_command(seg_client *client, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
		       const size_t *lengths, const char *what, seg_error *error);

#endif
