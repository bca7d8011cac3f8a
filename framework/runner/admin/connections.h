/*
 * connections.h - the connections of the admin server: how many there may be, and for how long.
 *
 * A client that sends its request byte by byte, or never, or does not take the answer, holds a connection. Nobody needs a
 * token for that. So each request has a deadline, whatever the client sends meanwhile; and when there are too many
 * connections, a new one ends an old one, so that a probe is always heard: of the address that holds the most, the one
 * whose last request is the longest ago.
 *
 * The server's threads call the functions, which lock. A thread of its own watches the deadlines while there are connections.
 */
#ifndef SEG_ADMIN_CONNECTIONS_H
#define SEG_ADMIN_CONNECTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/clock.h"

/* How long a client may take to send a request, from the connect or from the last answer; and to take the answer. */
#define SEG_CONNECTION_ASK_TIMEOUT (10 * SEG_SECOND)
#define SEG_CONNECTION_ANSWER_TIMEOUT (30 * SEG_SECOND)

typedef struct seg_connections seg_connections;
typedef struct seg_connection seg_connection;

/* At most `most` connections. NULL without memory or without a thread; then errno says which. */
seg_connections *seg_connections_create(size_t most);

/* All connections must have been removed. NULL is allowed. */
void seg_connections_destroy(seg_connections *connections);

/*
 * Notes an accepted connection, whose owner closes fd only after seg_connections_remove. If there are too many, shuts another
 * one down (shutdown(2)), whose owner then sees its end. NULL without memory: the connection has no deadline.
 */
seg_connection *seg_connections_add(seg_connections *connections, int fd, const struct sockaddr *peer);
void seg_connections_remove(seg_connections *connections, seg_connection *connection);

/* The connection's request has come; its answer has been sent. NULL is allowed. */
void seg_connections_asked(seg_connections *connections, seg_connection *connection);
void seg_connections_answered(seg_connections *connections, seg_connection *connection);

/* Shuts down all connections that are too late at `now` (seg_now). Its thread does so each second. */
void seg_connections_expire(seg_connections *connections, int64_t now);

#endif
