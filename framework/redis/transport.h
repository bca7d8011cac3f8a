/*
 * transport.h - the socket under a connection. No call blocks. A transport belongs to one thread.
 */
#ifndef SEG_REDIS_TRANSPORT_H
#define SEG_REDIS_TRANSPORT_H

#include <netdb.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "redis/address.h"

typedef struct seg_transport seg_transport;

/*
 * Create a transport and start to connect it: to a Unix socket, or to one address of a host. `where` names the
 * server in errors; it is borrowed and outlives the transport. NULL with SEG_EUNREACHABLE, SEG_ESYSTEM or
 * SEG_ENOMEM in error.
 */
seg_transport *seg_transport_open_unix(const char *path, const char *where, seg_error *error);
seg_transport *seg_transport_open_tcp(const struct addrinfo *to, const char *where, seg_error *error);

/* Closes and frees. NULL is allowed. */
void seg_transport_close(seg_transport *transport);

/* Goes on with connecting: 1 once bytes can be written and read, 0 while that is under way, -1 with an error. */
int seg_transport_opened(seg_transport *transport, seg_error *error);

/* The descriptor to poll, and the events that seg_transport_opened waits for (POLLIN, POLLOUT). */
int seg_transport_fd(const seg_transport *transport);
short seg_transport_events(const seg_transport *transport);

/* As read(2) and write(2), without EINTR and SIGPIPE: -1 with errno EAGAIN if the call would block. */
ssize_t seg_transport_read(seg_transport *transport, void *buffer, size_t size);
ssize_t seg_transport_write(seg_transport *transport, const void *bytes, size_t length);

/* How many written bytes the peer has not taken yet; a Unix socket adds its overhead. 0 if the system does not say. */
size_t seg_transport_unacknowledged(const seg_transport *transport);

#endif
