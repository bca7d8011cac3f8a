/*
 * tls.h - TLS on a socket that is connected: the handshake, then reading and writing. No call blocks, except that
 * seg_tls_start reads the files of the settings. One thread.
 *
 *     tls_settings.h   what the user sets
 *     tls_files.h      the files: authorities, certificate, key
 *     tls_verify.h     is the server's certificate for this host?
 *     tls_socket.h     OpenSSL's reads and writes
 *     tls_error.h      why a handshake or a connection failed
 */
#ifndef SEG_REDIS_TLS_H
#define SEG_REDIS_TLS_H

#include <stddef.h>
#include <sys/types.h>

#include "redis/address.h"
#include "redis/peer.h"
#include "redis/tls_settings.h"

typedef struct seg_tls seg_tls;

/*
 * Reads the files, and prepares the handshake with the endpoint. Borrows the descriptor and `peer`. NULL with SEG_EUNREACHABLE
 * (files pass as an absence does: they may be exchanged just now) or SEG_ENOMEM.
 */
seg_tls *seg_tls_start(int fd, const seg_endpoint *endpoint, const seg_tls_settings *settings,
		       const seg_peer *peer, seg_error *error);

/* Says good-bye to the peer if there is room in the socket, and frees. NULL is allowed. */
void seg_tls_end(seg_tls *tls);

/* Goes on with the handshake: 1 once it is done, 0 while it is under way, -1 with an error. */
int seg_tls_handshake(seg_tls *tls, seg_error *error);

/* The events that the handshake waits for, and later reading, and also writing if there is something to write. */
short seg_tls_events(const seg_tls *tls, bool writing);

/*
 * As recv(2) and send(2), but never 0: -1 with EAGAIN if the call would block. seg_tls_read fills the buffer as far as
 * it can. After another -1, also where the peer has closed, seg_tls_error says why.
 */
ssize_t seg_tls_read(seg_tls *tls, void *buffer, size_t size);
ssize_t seg_tls_write(seg_tls *tls, const void *bytes, size_t length);
const seg_error *seg_tls_error(const seg_tls *tls);

/* Whether a read may find bytes that no poll of the descriptor reports. */
bool seg_tls_pending(const seg_tls *tls);

/* Whether any byte has come from the peer. */
bool seg_tls_heard(const seg_tls *tls);

#endif
