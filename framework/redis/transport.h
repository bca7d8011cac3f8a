/*
 * transport.h - the socket under a connection. No call blocks. A socket belongs to one thread.
 */
#ifndef SEG_REDIS_TRANSPORT_H
#define SEG_REDIS_TRANSPORT_H

#include <netdb.h>
#include <stddef.h>
#include <sys/types.h>

#include "redis/address.h"

/*
 * Open a non-blocking socket and start to connect: to the address's path, or to one of the `list` that its
 * host was looked up to. Which one follows from `attempt` (0, 1, ...), so that successive attempts try all.
 * Return the descriptor, or -1 with SEG_EUNREACHABLE or SEG_ESYSTEM in error.
 */
int seg_transport_open_unix(const seg_address *address, seg_error *error);
int seg_transport_open_tcp(const seg_address *address, const struct addrinfo *list, unsigned attempt,
			   seg_error *error);

/* After the socket became writable: 0 if it is connected, or -1 with an error. */
int seg_transport_connected(int fd, const seg_address *address, seg_error *error);

/* As read(2) and write(2), without EINTR and SIGPIPE: -1 with errno EAGAIN if the call would block. */
ssize_t seg_transport_read(int fd, void *buffer, size_t size);
ssize_t seg_transport_write(int fd, const void *bytes, size_t length);

#endif
