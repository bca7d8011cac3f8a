/* tls_error.h - the sentence of a handshake or a connection that failed. One thread. */
#ifndef SEG_REDIS_TLS_ERROR_H
#define SEG_REDIS_TLS_ERROR_H

#include <stdbool.h>

#include <segmenter/segmenter.h>

#include "redis/peer.h"
#include "redis/tls_socket.h"

/* What is known of the attempt. */
typedef struct seg_tls_attempt {
	const seg_peer *peer;
	const char *where; /* "host:port" */
	bool open;         /* the handshake is over */
	bool asked;        /* the server asked for a certificate */
	bool shows;        /* there is one to show: tls_cert_file is set */
	const seg_tls_socket *socket;
} seg_tls_attempt;

/* Makes it of the socket's state and of this thread's OpenSSL errors, which it takes away. Returns the status. */
int seg_tls_explain(const seg_tls_attempt *attempt, seg_error *error);

#endif
