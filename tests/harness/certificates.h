/*
 * certificates.h - a certificate authority of the test's own, in a temporary directory, and what it has signed: made
 * with the command openssl.
 */
#ifndef TEST_HARNESS_CERTIFICATES_H
#define TEST_HARNESS_CERTIFICATES_H

#include <stdbool.h>

#include "harness/server.h"

/*
 * The directory has NAME.pem, a certificate, and NAME.key, its private key, for each NAME of:
 *
 *   ca          the authority, "segmenter test CA"
 *   server      signed by ca, for localhost and 127.0.0.1
 *   client      signed by ca, the subject is "CN = segmenter test client"
 *   renewed     like server, with a key and a serial number of its own
 *   expired     like server, but its time is over since 2021
 *   early       like server, but its time begins in 2099
 *   other-name  signed by ca, for other.example
 *   other-ca    another authority, which signed only stranger
 *   stranger    like server, but signed by other-ca
 */
typedef struct test_certificates {
	char directory[64];
} test_certificates;

test_certificates *test_certificates_make(void);
void test_certificates_remove(test_certificates *certificates);

/* The path of such a file, "ca.pem". One of eight buffers: eight calls later it has another path. */
const char *test_certificates_path(const test_certificates *certificates, const char *file);

/*
 * The arguments of a server that shows this certificate ("server") and knows ca; clients must show a certificate of
 * ca's, too, if client_certificates. In one buffer, which the next call overwrites.
 */
const char *test_certificates_arguments(const test_certificates *certificates, const char *name,
					bool client_certificates);

/* Starts a server with TLS on its TCP port, with the certificate "server". `arguments` may be NULL. */
test_server *test_certificates_start_server(const test_certificates *certificates, bool client_certificates,
					    const char *arguments);

/* A server that runs shows another certificate to connections from now on. */
void test_certificates_swap(const test_certificates *certificates, const test_server *server,
			    const char *name);

#endif
