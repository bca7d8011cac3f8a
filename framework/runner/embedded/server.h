/* server.h - starts the two processes of an embedded Redis: the server and its keeper. One thread. */
#ifndef SEG_EMBEDDED_SERVER_H
#define SEG_EMBEDDED_SERVER_H

#include "embedded/paths.h"

/*
 * Starts redis-server on paths->directory, and the keeper, which stops the server (SIGTERM) as soon as nobody holds
 * users_lock. Both run in a session of their own, so neither a terminal's Ctrl-C nor the end of the caller reaches them.
 * `server_lock` is an open, locked descriptor that the server keeps; the caller closes its own. Returns when
 * redis-server is being executed, before it has read its data. 0, SEG_ESERVER if redis-server is not installed, or
 * SEG_ESYSTEM.
 */
int seg_embedded_server_start(const seg_embedded_paths *paths, const char *appendfsync, int server_lock,
			      seg_error *error);

#endif
