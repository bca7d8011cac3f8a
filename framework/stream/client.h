/*
 * client.h - the structs of a client and a stream, and the client's single calls, for the rest of the
 * library.
 *
 * The client has one connection, which serves the blocking calls one at a time. Producers and consumers make
 * connections of their own to the same address.
 *
 * Only client.c writes a client's fields; exchange.c writes `busy`. Both are constant for everyone else.
 */
#ifndef SEG_STREAM_CLIENT_H
#define SEG_STREAM_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/names.h"
#include "redis/address.h"
#include "redis/route.h"
#include "redis/sentinel.h"
#include "stream/registration.h"
#include "stream/spelling.h"

/* Random bytes in a producer's id, and the length of its text. */
#define SEG_PRODUCER_ID_BYTES 16
#define SEG_PRODUCER_ID_LENGTH (2 * SEG_PRODUCER_ID_BYTES)

struct seg_client {
	seg_address address;
	seg_master *master;     /* NULL: the address names no master, but servers */
	seg_sentinel *sentinel; /* finds `master` */
	char name_space[SEG_NAME_MAX + 1];
	int64_t connect_timeout; /* ns */
	int64_t timeout;         /* ns */
	uint64_t max_message_bytes;
	unsigned forks;         /* seg_fork_count() of the process that opened the client */
	uint32_t ack_replicas;  /* how many replicas must have a write before it counts */
	uint32_t packing_level; /* of zstd; 0: the default */
	seg_logger logger;
	seg_denials denials; /* of all connections to this address: those of producers and consumers, too */

	pthread_mutex_t lock;
	pthread_cond_t idle; /* busy was cleared; on CLOCK_MONOTONIC */
	bool busy;           /* a call is using the connection; under the lock */
	atomic_bool kept;    /* see seg_client_keep */

	/* Set before the first call, or NULL. True ends the running call and each later one with SEG_ECLOSED. */
	const atomic_bool *cancel;

	/* For the call that has set `busy`: */
	seg_route *route;
	char producer_id[SEG_PRODUCER_ID_LENGTH + 1]; /* under which the blocking sends append */
	uint64_t sequence;                            /* of their newest record */
};

/*
 * Constant after seg_stream_register or seg_stream_open, but for the last two. The caller that opens it may set the level before its
 * first use.
 */
struct seg_stream {
	seg_client *client;
	char name[SEG_NAME_MAX + 1];
	seg_stream_shape shape;
	uint32_t packing_level; /* of zstd, for what is sent here; 0: the default */
	seg_logger logger;

	seg_registration
		registration; /* of the blocking sends: for the call that has set the client's `busy` */
	atomic_bool refused;  /* its refusal is set */
};

/*
 * The address that the options give, with their login and TLS. 0, or a status with an error. Free with seg_address_fini
 * in any case. Any thread.
 */
int seg_client_address(const seg_client_options *options, seg_address *address, seg_error *error);

/*
 * Starts to ask the Sentinels that the address names for the master. 0, or a status with an error: SEG_EINVAL, SEG_ENOMEM
 * or SEG_ESYSTEM. End with seg_sentinel_stop and seg_master_destroy in any case.
 */
int seg_client_ask_sentinels(const seg_client_options *options, const seg_address *address,
			     const seg_logger *logger, seg_master **master, seg_sentinel **sentinel,
			     seg_error *error);

/*
 * The options of a connection to the client's Redis: all but client_name, answer_timeout, on_message and those that are a
 * route's.
 */
seg_connection_options seg_client_connection_options(seg_client *client);

/* The sequence for the first of so many records of a blocking send. For the call that has set `busy`. */
uint64_t seg_client_take_sequences(seg_client *client, size_t records);

/*
 * Makes seg_client_close leave the client's memory allocated: a consumer left a thread behind that still uses
 * it. Any thread.
 */
void seg_client_keep(seg_client *client);

/*
 * seg_stream_open, which also tells in *unusable whether the error is of this stream alone: its format is newer than this library,
 * this build lacks its packing, or its key holds something else. Any thread.
 */
int seg_stream_try(seg_client *client, const char *name, seg_stream **stream, bool *unusable,
		   seg_error *error);

/*
 * Runs one script or one command on the client's connection, and repeats it until Redis answers, for up to
 * the client's timeout. fn gets the reply if it is not an error. argv and lengths are as for
 * seg_connection_script and seg_connection_command. 0, or a negative status with an error that begins with
 * `what`. Any thread.
 */
int seg_client_script(seg_client *client, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
		      const char *const *argv, const size_t *lengths, const char *what, seg_error *error);
int seg_client_command(seg_client *client, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
		       const size_t *lengths, const char *what, seg_error *error);

#endif
