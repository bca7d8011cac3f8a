/* server.h - the two processes of an embedded Redis: the server and its keeper. One thread. */
#ifndef SEG_EMBEDDED_SERVER_H
#define SEG_EMBEDDED_SERVER_H

#include <segmenter/segmenter.h>

typedef struct seg_embedded_paths {
	char *directory; /* absolute, without links */
	char *socket;
	char *log;
	char *pid;
	char *start_lock;
	char *users_lock;
	char *server_lock;
} seg_embedded_paths;

/*
 * Starts redis-server on paths->directory, in a session of its own, so that neither a terminal's Ctrl-C nor the end
 * of the caller reaches it, and the keeper that stops it (SIGTERM) as soon as nobody holds users_lock.
 * `server_lock` is an open, locked descriptor that the server keeps; the caller closes its own. Returns when
 * redis-server is being executed: whether it likes its data shows later.
 */
int seg_embedded_server_start(const seg_embedded_paths *paths, const char *appendfsync, int server_lock,
			      seg_error *error);

#endif
