/*
 * post.h - posts to an HTTP server over one connection, which stays open between requests.
 *
 * Only the partition's worker calls these functions for a connection.
 */
#ifndef PLUGINS_HTTP_POST_H
#define PLUGINS_HTTP_POST_H

#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

/* The same for all requests. Must outlive the connections that were opened with it. */
typedef struct post_settings {
	const char *url;
	const char *content_type;
	const char *headers;     /* "Name: value | Name: value", or NULL */
	const char *token;       /* sent as a bearer token, or NULL */
	const char *key_header;  /* the name of the header for the idempotency key; "": none */
	const char *ca_file;     /* certificates to trust; NULL: the system's */
	int64_t connect_timeout; /* ns */
	int64_t timeout;         /* ns, for a whole request */
} post_settings;

enum { POST_TEXT_MAX = 200 };

typedef struct post_reply {
	long status;           /* the HTTP status; 0: no answer */
	long long retry_after; /* seconds; 0: none */
	char text[CURL_ERROR_SIZE +
		  POST_TEXT_MAX]; /* the beginning of the answer's body, or why there is no answer */
} post_reply;

/* NULL if out of memory. */
CURL *post_open(const post_settings *settings);

/* Posts the body with the idempotency key, and waits for the answer at most settings->timeout. */
void post_send(CURL *curl, const post_settings *settings, const char *body, size_t length, const char *key,
	       post_reply *reply);

/* Does nothing to NULL. */
void post_close(CURL *curl);

/* 0 if the text is valid for post_settings.headers, else -1. */
int post_check_headers(const char *headers);

#endif
