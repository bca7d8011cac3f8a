/* replicas.h - whether replicas have what a blocking send added (ack_replicas). Any thread. */
#ifndef SEG_STREAM_REPLICAS_H
#define SEG_STREAM_REPLICAS_H

#include "stream/append.h"

/* A partition that the call has added to. */
typedef struct seg_replica_check {
	seg_append append;  /* the newest batch that was added */
	bool touched;       /* Redis still has that batch, and has written on the connection `on` */
	int64_t replicas;   /* how many have it; -1: unknown */
	void *owner;        /* of the function */
	seg_connection *on; /* of the function */
} seg_replica_check;

/*
 * Asks once for all: sends each newest batch's sequence again, which writes a key, and WAIT after it on the same
 * connection. The caller has held the client since the batches were added (seg_exchange_hold): Redis remembers no batch of a call that is
 * over. Ends by `deadline` (seg_now()). 0, or a status with an error that says why replicas are unknown;
 * SEG_EUNKNOWN if Redis refused WAIT: the error is then a whole sentence.
 */
int seg_replicas_ask(seg_stream *stream, seg_replica_check *checks, size_t count, int64_t deadline,
		     seg_error *error);

/* How long a WAIT of a blocking send may take, ns. */
int64_t seg_replicas_timeout(const seg_client *client);

#endif
