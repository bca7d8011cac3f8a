/*
 * test_tls.h - a redis-server with TLS, and certificates for all. For test_tls.c and test_tls_programs.c; include it after
 * cmocka.h.
 */
#ifndef TEST_TLS_H
#define TEST_TLS_H

#include <stdbool.h>

#include "harness/certificates.h"
#include "harness/rig.h"

static test_certificates *certificates;

static int make_certificates(void **state)
{
	(void)state;
	certificates = test_certificates_make();
	return 0;
}

static int remove_certificates(void **state)
{
	(void)state;
	test_certificates_remove(certificates);
	return 0;
}

/* A certificate or a key of the test's. */
static const char *file(const char *name)
{
	return test_certificates_path(certificates, name);
}

/* A server that shows this certificate. */
static void start_server(const char *name, bool client_certificates)
{
	rig.server = test_server_start_with(
		&(test_server_options){.arguments = test_certificates_arguments(certificates, name,
										client_certificates),
				       .tls = true});
}

#endif
