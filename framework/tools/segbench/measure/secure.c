#include "measure/secure.h"

#include <err.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sysexits.h>

/* The raw bytes of several records: one read(2) for all of them. */
enum { READ_AHEAD = 256 * 1024 };

__attribute__((noreturn)) static void fail(const char *what)
{
	errx(EX_UNAVAILABLE, "cannot %s: %s", what, ERR_reason_error_string(ERR_get_error()));
}

SSL *bench_secure_open(int fd, const char *ca_file)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (!context || SSL_CTX_load_verify_file(context, ca_file) != 1)
		fail("prepare TLS");
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
	SSL *tls = SSL_new(context);
	SSL_CTX_free(context);
	if (!tls || SSL_set_fd(tls, fd) != 1 ||
	    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), "127.0.0.1") != 1)
		fail("prepare TLS");
	if (SSL_connect(tls) != 1)
		fail("connect to redis-server with TLS");
	return tls;
}

void bench_secure_close(SSL *tls)
{
	SSL_free(tls);
}
