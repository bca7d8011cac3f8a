/*
 * server.h - the HTTP server of admin: sockets, tokens and headers. Its routes make the answers.
 *
 * It has two threads of its own, so that one slow answer does not delay a probe. There are at most 64 connections: a new
 * one ends an old one, so that clients who hold connections keep no probe out. A request must have come within 10 s, and
 * its answer must be taken within 30 s (connections.h). It answers GET and HEAD only: no request changes anything.
 */
#ifndef SEG_ADMIN_SERVER_H
#define SEG_ADMIN_SERVER_H

#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"
#include "config/listen.h"

typedef struct seg_http_request {
	const char *tail;  /* the part of the path that the route's '*' stands for */
	const char *after; /* the argument ?after=, or NULL */
	bool trusted;      /* it has the token, or the server needs none */
} seg_http_request;

/* The route fills it. Before, it is status 200 and plain text. */
typedef struct seg_http_answer {
	unsigned status;
	const char *type;   /* Content-Type; lives as long as the program */
	const char *policy; /* Content-Security-Policy; lives as long as the server */
	FILE *body;
} seg_http_answer;

typedef struct seg_http_route {
	const char *path; /* a '*' at its end stands for any tail */
	bool open;        /* it needs no token */
	void (*answer)(void *arg, const seg_http_request *request, seg_http_answer *answer);
} seg_http_route;

/* Who may ask, and how. */
typedef struct seg_server_access {
	const char *token; /* or NULL */
	/* With TLS, and nothing else, if both are set; read when the server starts. */
	const char *tls_cert_file;
	const char *tls_key_file;
} seg_server_access;

typedef struct seg_server seg_server;

/* Whether this program was built with libmicrohttpd. */
bool seg_server_is_built(void);

/*
 * Listens, and answers requests with the routes, an array that ends with a NULL path. The server's threads call the
 * routes, two at once. Without a token, it answers only requests that name this machine by an IP address or as localhost, so
 * that no web page can read the answers through a DNS name of its own, with its visitor's browser. All arguments must
 * outlive the server. 0, or SEG_ESYSTEM, SEG_ENOMEM, or SEG_EINVAL in a build without libmicrohttpd.
 */
int seg_server_start(const seg_listen *listen, const seg_server_access *access, const seg_http_route *routes,
		     void *arg, seg_logger logger, seg_server **server, seg_error *error);

/* Returns once no route is running. NULL is allowed. */
void seg_server_stop(seg_server *server);

#endif
