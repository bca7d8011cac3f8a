/*
 * post.h - one connection to an HTTP server, kept open between requests, and what it answered.
 *
 * One thread at a time: the partition's worker.
 */
#ifndef PLUGINS_HTTP_POST_H
#define PLUGINS_HTTP_POST_H

#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

/* The same for all requests; must outlive what is made with it. */
typedef struct post_settings {
	const char *url;
	const char *content_type;
	const char *headers;     /* "Name: value | Name: value", or NULL */
	const char *token;       /* sent as a bearer token, or NULL */
	const char *key_header;  /* the name of the header for the idempotency key; "": none */
	const char *ca_file;     /* or NULL: the system's */
	int64_t connect_timeout; /* ns */
	int64_t timeout;         /* ns, of a whole request */
} post_settings;

enum { POST_TEXT_MAX = 200 };

typedef struct post_reply {
	long status;                                /* 0: there was no answer */
	long long retry_after;                      /* s; 0: not said */
	char text[CURL_ERROR_SIZE + POST_TEXT_MAX]; /* why there was none, or how the answer's body begins */
} post_reply;

/* NULL where memory is short. */
CURL *post_open(const post_settings *settings);

/* Sends the body, and waits for the answer. */
void post_send(CURL *curl, const post_settings *settings, const char *body, size_t length, const char *key,
	       post_reply *reply);

/* NULL is allowed. */
void post_close(CURL *curl);

/* Whether the headers are what post_settings.headers wants. */
int post_check_headers(const char *headers);

#endif
