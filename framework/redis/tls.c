#include "redis/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "redis/tls_error.h"
#include "redis/tls_files.h"
#include "redis/tls_socket.h"
#include "redis/tls_verify.h"

enum { NAME_SIZE = 256 };

struct seg_tls {
	SSL *ssl;
	seg_tls_socket socket;
	seg_tls_attempt attempt;
	seg_tls_verify verify;
	char where[280];
	char name[NAME_SIZE]; /* in the server's certificate */
	short reading;        /* the event that the next read waits for; also of the handshake */
	short writing;        /* the event that the next write waits for */
	bool pending;         /* the newest read ended before it would have blocked */
	bool failed;          /* nothing more can be said to the peer */
	seg_error error;
};

/* --- making and unmaking ---------------------------------------------------------------- */

/* A dot at the end marks a whole name in DNS; certificates leave it out. */
static void take_name(seg_tls *tls, const char *name)
{
	size_t length = strlen(name);
	if (length > 1 && name[length - 1] == '.')
		length--;
	snprintf(tls->name, sizeof(tls->name), "%.*s", (int)length, name);
}

static int note_request(SSL *ssl, void *arg)
{
	seg_tls *tls = arg;
	(void)ssl;
	tls->attempt.asked = true;
	return 1;
}

static bool prepare(seg_tls *tls, bool verify)
{
	BIO *bio = seg_tls_socket_bio(&tls->socket);
	if (!bio)
		return false;
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_connect_state(tls->ssl);
	SSL_set_cert_cb(tls->ssl, note_request, tls);
	if (verify && !seg_tls_verify_attach(&tls->verify, tls->ssl))
		return false;
	return seg_tls_name_is_ip(tls->name) || SSL_set_tlsext_host_name(tls->ssl, tls->name) == 1;
}

static int open_files(seg_tls *tls, const seg_tls_settings *settings, seg_error *error)
{
	const char *option;
	seg_error why = {0};
	tls->ssl = seg_tls_files_open(settings, &option, &why);
	if (tls->ssl)
		return 0;
	if (why.status == SEG_ENOMEM)
		return seg_fail(error, SEG_ENOMEM, "out of memory for TLS with %s", tls->where);
	return seg_fail(error, SEG_EUNREACHABLE, "tls_%s: %s", option, why.text);
}

seg_tls *seg_tls_start(int fd, const seg_endpoint *endpoint, const seg_tls_settings *settings,
		       const seg_peer *peer, seg_error *error)
{
	seg_tls *tls = calloc(1, sizeof(*tls));
	if (!tls) {
		seg_fail(error, SEG_ENOMEM, "out of memory for TLS");
		return NULL;
	}
	tls->socket.fd = fd;
	tls->reading = tls->writing = POLLOUT;
	seg_endpoint_print(endpoint, tls->where, sizeof(tls->where));
	take_name(tls, settings->server_name ? settings->server_name : endpoint->host);
	tls->verify = (seg_tls_verify){.where = tls->where,
				       .name = tls->name,
				       .told = settings->server_name != NULL};
	tls->attempt = (seg_tls_attempt){.peer = peer,
					 .where = tls->where,
					 .shows = settings->cert_file != NULL,
					 .socket = &tls->socket};
	int status = open_files(tls, settings, error);
	if (status == 0 && !prepare(tls, settings->verify))
		status = seg_fail(error, SEG_ENOMEM, "out of memory for TLS with %s", tls->where);
	ERR_clear_error();
	if (status == 0)
		return tls;
	seg_tls_end(tls);
	return NULL;
}

void seg_tls_end(seg_tls *tls)
{
	if (!tls)
		return;
	if (tls->attempt.open && !tls->failed)
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
	SSL_free(tls->ssl);
	free(tls);
}

/* --- one call of OpenSSL -------------------------------------------------------------------- */

/* After a call that returned `result` <= 0. Returns the event that it waits for, or 0: it has failed. */
static short wanted(const seg_tls *tls, int result)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return POLLIN;
	case SSL_ERROR_WANT_WRITE:
		return POLLOUT;
	default:
		return 0;
	}
}

/* The first failure is the one to tell. */
static void fail(seg_tls *tls)
{
	if (tls->failed)
		return;
	tls->failed = true;
	if (tls->verify.error.status)
		tls->error = tls->verify.error;
	else
		seg_tls_explain(&tls->attempt, &tls->error);
	ERR_clear_error();
}

int seg_tls_handshake(seg_tls *tls, seg_error *error)
{
	ERR_clear_error();
	int result = SSL_do_handshake(tls->ssl);
	if (result == 1) {
		tls->attempt.open = true;
		tls->pending = true; /* more than the handshake may have been read */
		tls->reading = POLLIN;
		tls->writing = POLLOUT;
		/* Later versions never ask for the key again; so a core does not hold it. */
		if (SSL_version(tls->ssl) >= TLS1_3_VERSION)
			SSL_certs_clear(tls->ssl);
		return 1;
	}
	tls->reading = wanted(tls, result);
	if (tls->reading)
		return 0;
	fail(tls);
	seg_fail(error, tls->error.status, "%s", tls->error.text);
	return -1;
}

short seg_tls_events(const seg_tls *tls, bool writing)
{
	return (short)(tls->reading | (writing ? tls->writing : 0));
}

ssize_t seg_tls_read(seg_tls *tls, void *buffer, size_t size)
{
	size_t length = 0;
	int n = 1;
	ERR_clear_error();
	while (n > 0 && length < size) {
		n = SSL_read(tls->ssl, (char *)buffer + length, (int)(size - length));
		length += n > 0 ? (size_t)n : 0;
	}
	short event = n > 0 ? POLLIN : wanted(tls, n);
	tls->pending = n > 0 || (!event && length > 0);
	tls->reading = event ? event : POLLIN;
	if (length > 0) {
		ERR_clear_error(); /* the next read comes upon the same end */
		return (ssize_t)length;
	}
	if (event) {
		errno = EAGAIN;
		return -1;
	}
	fail(tls);
	errno = EIO;
	return -1;
}

/* The socket fails as soon as the peer has closed it; what the peer said before is more telling. */
static void hear_last_words(seg_tls *tls)
{
	char byte;
	int n = SSL_peek(tls->ssl, &byte, 1);
	if (n <= 0 && SSL_get_error(tls->ssl, n) == SSL_ERROR_SSL)
		tls->socket.failure = 0;
}

ssize_t seg_tls_write(seg_tls *tls, const void *bytes, size_t length)
{
	int n;
	ERR_clear_error();
	n = SSL_write(tls->ssl, bytes, (int)(length < (1u << 30) ? length : (1u << 30)));
	if (n > 0) {
		tls->writing = POLLOUT;
		/* A renegotiation that the peer wants waits for the end of a write. */
		tls->pending = tls->pending || SSL_renegotiate_pending(tls->ssl);
		return n;
	}
	short event = wanted(tls, n);
	if (event) {
		tls->writing = event;
		errno = EAGAIN;
		return -1;
	}
	if (tls->socket.failure)
		hear_last_words(tls);
	fail(tls);
	errno = EIO;
	return -1;
}

const seg_error *seg_tls_error(const seg_tls *tls)
{
	return &tls->error;
}

bool seg_tls_pending(const seg_tls *tls)
{
	return tls->pending;
}

bool seg_tls_heard(const seg_tls *tls)
{
	return tls->socket.heard;
}
