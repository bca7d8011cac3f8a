/*
 * transport.h - the socket under a connection. No call blocks. A transport belongs to one thread.
 */
#ifndef SEG_REDIS_TRANSPORT_H
#define SEG_REDIS_TRANSPORT_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "redis/address.h"
#include "redis/peer.h"

typedef struct seg_transport seg_transport;

/*
 * Create a transport and start to connect it: to a Unix socket, or to one address of the endpoint's host. tls: the
 * settings for TLS; NULL: without. `where` names the server in errors, and `peer` says what it is. All are borrowed and
 * outlive the transport, but `peer` is copied.
 * NULL with SEG_EUNREACHABLE, SEG_ESYSTEM or SEG_ENOMEM in error.
 */
seg_transport *seg_transport_open_unix(const char *path, const seg_peer *peer, const char *where,
				       seg_error *error);
seg_transport *seg_transport_open_tcp(const struct addrinfo *to, const seg_endpoint *endpoint,
				      const seg_tls_settings *tls, const seg_peer *peer, const char *where,
				      seg_error *error);

/* Closes and frees. NULL is allowed. */
void seg_transport_close(seg_transport *transport);

/*
 * Goes on with connecting, the handshake of TLS included: 1 once bytes can be written and read, 0 while that is under
 * way, -1 with an error.
 */
int seg_transport_opened(seg_transport *transport, seg_error *error);

/* What else to say of an attempt that takes too long: the end of a sentence, or "". A constant text. */
const char *seg_transport_hint(const seg_transport *transport);

/*
 * The descriptor to poll, and the events: those that seg_transport_opened waits for, and afterwards those for reading,
 * and for writing, too, if there is something to write.
 */
int seg_transport_fd(const seg_transport *transport);
short seg_transport_events(const seg_transport *transport, bool writing);

/*
 * As read(2) and write(2), without EINTR and SIGPIPE: -1 with errno EAGAIN if the call would block. After a read that
 * returns 0, or another -1, seg_transport_error says why; it is valid until the transport is closed.
 */
ssize_t seg_transport_read(seg_transport *transport, void *buffer, size_t size);
ssize_t seg_transport_write(seg_transport *transport, const void *bytes, size_t length);
const seg_error *seg_transport_error(const seg_transport *transport);

/* Whether a read may find bytes that no poll of the descriptor reports. */
bool seg_transport_pending(const seg_transport *transport);

/* How many written bytes the peer has not taken yet; a Unix socket adds its overhead. 0 if the system does not say. */
size_t seg_transport_unacknowledged(const seg_transport *transport);

#endif
