/* address.h - the address of a Redis, which may be several servers, and the login for it. Pure; any thread. */
#ifndef SEG_REDIS_ADDRESS_H
#define SEG_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "redis/tls_settings.h"
/* The most servers in an address. */
#define SEG_ADDRESS_ENDPOINTS_MAX 64

/* Where a server listens. */
typedef struct seg_endpoint {
	char *host; /* NULL if path is set */
	char *path; /* of a Unix socket; NULL if host is set */
	uint16_t port;
	bool hidden; /* the host is not shown to people: it may be a password (host_name.h) */
} seg_endpoint;

typedef struct seg_address {
	seg_endpoint *endpoints; /* at least one; the Sentinels, if `master` is set */
	uint32_t endpoint_count;
	char *master;        /* the name by which the Sentinels know the master; or NULL */
	char *user;          /* or NULL */
	char *password;      /* or NULL; never printed */
	char *password_file; /* or NULL; holds the password, and is read at each connect */
	uint32_t database;
	bool tls;
	seg_tls_settings tls_settings; /* if tls */
	char *text;                    /* the address for messages, without what is or may be a login */
} seg_address;

/* The longest text of seg_endpoint_print. */
#define SEG_NODE_TEXT_MAX 280

/*
 * For people: writes "host:port", "[IPv6]:port" or the path, cut to size; of a host that is hidden, what stands for it, and no
 * port but Redis's and Sentinel's own: another one may be a part of the password, too.
 */
void seg_endpoint_print(const seg_endpoint *endpoint, char *text, size_t size);

/* Parses the forms that seg_client_options.address documents. 0, SEG_EINVAL or SEG_ENOMEM. */
int seg_address_parse(const char *text, seg_address *address, seg_error *error);

/*
 * Replaces the login; each may be NULL, but a user needs a password or a file, and only one of them. 0, SEG_EINVAL
 * or SEG_ENOMEM; after an error the login is unchanged.
 */
int seg_address_set_login(seg_address *address, const char *user, const char *password,
			  const char *password_file, seg_error *error);

/*
 * Sets how the address's connections use TLS; copies the settings. SEG_EINVAL if something is set there but the address
 * is without TLS, or SEG_ENOMEM; after an error nothing is changed.
 */
int seg_address_set_tls(seg_address *address, const seg_tls_settings *settings, seg_error *error);

/* Copies; 0 or SEG_ENOMEM. */
int seg_address_copy(seg_address *to, const seg_address *from);

/* Frees the members, and overwrites the password before. */
void seg_address_fini(seg_address *address);

#endif
