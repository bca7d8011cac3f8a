/*
 * client.h - what a client and a stream are inside the library.
 *
 * The client's one connection serves the blocking calls; `lock` is held for the length of each. Whoever needs
 * a connection of its own (producer, consumer) makes one to the same address.
 */
#ifndef SEG_STREAM_CLIENT_H
#define SEG_STREAM_CLIENT_H

#include <pthread.h>

#include "base/log.h"
#include "base/names.h"
#include "redis/address.h"
#include "redis/connection.h"

struct seg_client {
	seg_address address;
	char name_space[SEG_NAME_MAX + 1];
	int64_t connect_timeout; /* ns */
	int64_t timeout;         /* ns */
	uint64_t max_message_bytes;
	seg_logger logger;

	pthread_mutex_t lock; /* guards connection and what follows */
	seg_connection *connection;
	char producer_id[33];    /* of the blocking sends */
	uint64_t sequence;
};

struct seg_stream {
	seg_client *client;
	char name[SEG_NAME_MAX + 1];
	seg_stream_shape shape;
	seg_logger logger;
};

/* Issues one script call and waits: 0 with the reply handed to fn under the lock, or a negative status. */
int seg_client_script(seg_client *client, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
		      const char *const *argv, const size_t *lengths, const char *what, seg_error *error);

/* Checks a record against every limit: 0, SEG_EINVAL or SEG_ETOOBIG. */
int seg_record_check(const seg_client *client, const seg_record *record, seg_error *error);

#endif
