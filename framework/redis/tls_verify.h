/* tls_verify.h - whether a server's certificate is for the host that was dialled, and if not, why. One thread. */
#ifndef SEG_REDIS_TLS_VERIFY_H
#define SEG_REDIS_TLS_VERIFY_H

#include <openssl/types.h>
#include <stdbool.h>

#include <segmenter/segmenter.h>

typedef struct seg_tls_verify {
	const char *where; /* "host:port", for the sentence; borrowed */
	const char *name;  /* the certificate must be for this name or IP address; borrowed */
	bool told;         /* the name comes from tls_server_name */
	seg_error error;   /* status 0: the certificate is good, or has not come yet */
} seg_tls_verify;

/* Makes the handshake of the SSL verify chain and name; `verify` outlives the SSL. False if out of memory. */
bool seg_tls_verify_attach(seg_tls_verify *verify, SSL *ssl);

/* Whether the text is an IP address. */
bool seg_tls_name_is_ip(const char *name);

#endif
