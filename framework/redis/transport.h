/*
 * transport.h - the bytes under a connection: a small table, so that what encrypts can stand where the plain
 * socket does. All calls are non-blocking and of one thread.
 */
#ifndef SEG_REDIS_TRANSPORT_H
#define SEG_REDIS_TRANSPORT_H

#include <stddef.h>
#include <sys/types.h>

#include "redis/address.h"

/*
 * Opens a non-blocking socket to the address and starts to connect. Which of a host name's addresses is
 * tried follows from `attempt` (0, 1, ...). Returns the descriptor, or -1 with an error. Looking up a host name may
 * block for as long as the system's resolver takes.
 */
int seg_transport_open(const seg_address *address, unsigned attempt, seg_error *error);

/* After the socket became writable: 0 if it is connected, or -1 with an error. */
int seg_transport_connected(int fd, const seg_address *address, seg_error *error);

/* As read(2) and write(2): -1 with errno EAGAIN when it would block. */
ssize_t seg_transport_read(int fd, void *buffer, size_t size);
ssize_t seg_transport_write(int fd, const void *bytes, size_t length);

#endif
