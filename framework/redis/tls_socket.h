/*
 * tls_socket.h - how OpenSSL reads and writes a socket. OpenSSL's own way writes with write(2), which can raise
 * SIGPIPE; a library must not change what its program does with signals. One thread.
 */
#ifndef SEG_REDIS_TLS_SOCKET_H
#define SEG_REDIS_TLS_SOCKET_H

#include <openssl/bio.h>
#include <stdbool.h>

/* What happened on the socket. */
typedef struct seg_tls_socket {
	int fd;
	int failure;         /* the errno of the call that failed; 0: none has failed */
	bool ended;          /* the peer has closed */
	bool heard;          /* a byte has come */
	unsigned char first; /* which one, if heard */
} seg_tls_socket;

/* A BIO on the socket, which it borrows and does not close. NULL if out of memory. */
BIO *seg_tls_socket_bio(seg_tls_socket *socket);

#endif
