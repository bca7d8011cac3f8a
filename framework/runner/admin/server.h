/*
 * server.h - HTTP for those who look at a runner: sockets, tokens and headers; what there is to see is its
 * routes'.
 *
 * It has two threads of its own, so that one slow answer does not keep a probe waiting, and never more.
 * Whoever asks is given 10 s, and there are at most 64 connections. Only GET and HEAD: nothing can be
 * changed here.
 */
#ifndef SEG_ADMIN_SERVER_H
#define SEG_ADMIN_SERVER_H

#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"
#include "config/listen.h"

typedef struct seg_http_request {
	const char *tail;  /* of the path, behind what the route names */
	const char *after; /* the argument ?after=, or NULL */
	bool trusted;      /* came with the token, or none is needed */
} seg_http_request;

/* Filled by a route; status 200 and plain text unless it says otherwise. */
typedef struct seg_http_answer {
	unsigned status;
	const char *type;   /* Content-Type; lives as long as the program */
	const char *policy; /* Content-Security-Policy; lives as long as the server */
	FILE *body;
} seg_http_answer;

typedef struct seg_http_route {
	const char *path; /* a '*' at its end stands for any tail */
	bool open;        /* answers without the token, too */
	void (*answer)(void *arg, const seg_http_request *request, seg_http_answer *answer);
} seg_http_route;

typedef struct seg_server seg_server;

/* Whether this program was built with libmicrohttpd. */
bool seg_server_is_built(void);

/*
 * Listens, and answers with the routes (up to one whose path is NULL), which are called on the server's
 * threads, two at once. token NULL: everyone may ask, but a name that is not this machine's own is refused,
 * so that no web page can make its visitor's browser ask. All that is passed outlives the server. 0,
 * SEG_ESYSTEM, SEG_ENOMEM, or SEG_EINVAL where it is not built.
 */
int seg_server_start(const seg_listen *listen, const char *token, const seg_http_route *routes, void *arg,
		     seg_logger logger, seg_server **server, seg_error *error);

/* Returns when no route is being called. NULL is allowed. */
void seg_server_stop(seg_server *server);

#endif
