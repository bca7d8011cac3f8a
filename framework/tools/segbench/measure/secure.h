/*
 * secure.h - TLS on a connected, blocking socket, with as little as OpenSSL allows: the bare limit that segrunner's
 * TLS is compared with.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_SECURE_H
#define SEGBENCH_MEASURE_SECURE_H

#include <openssl/types.h>

/* Does the handshake; the server's certificate must be for 127.0.0.1 and of the authority in ca_file. */
SSL *bench_secure_open(int fd, const char *ca_file);

/* Frees, and leaves the descriptor open. NULL is allowed. */
void bench_secure_close(SSL *tls);

#endif
