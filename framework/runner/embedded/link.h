/* link.h - a connection to a redis-server on a Unix socket, for a few commands, each bounded in time. One thread. */
#ifndef SEG_EMBEDDED_LINK_H
#define SEG_EMBEDDED_LINK_H

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct seg_embedded_link {
	int fd; /* -1: not open */
	redisReader *reader;
	pid_t peer; /* the process that listens; 0 if it is in a namespace that this process does not see */
} seg_embedded_link;

/* 0, or an errno: ENOENT or ECONNREFUSED where nobody listens. */
int seg_embedded_link_open(seg_embedded_link *link, const char *path);

/*
 * Sends a command, its words separated by blanks, and waits until `deadline` (seg_now) for the reply. The caller frees the
 * reply (freeReplyObject), and checks its type before use. NULL if the connection broke, the deadline passed, or memory
 * ran out.
 */
redisReply *seg_embedded_link_ask(seg_embedded_link *link, const char *command, int64_t deadline);

void seg_embedded_link_close(seg_embedded_link *link);

#endif
