/*
 * certificate.h - the certificate of a redis-server that segbench starts: for 127.0.0.1, signed by itself, valid for a
 * day.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_CERTIFICATE_H
#define SEGBENCH_MEASURE_CERTIFICATE_H

#include <stddef.h>

#define CERTIFICATE_FILE "server.pem"
#define CERTIFICATE_KEY "server.key"

enum { CERTIFICATE_PATH_MAX = 96 };

/* Writes CERTIFICATE_FILE and CERTIFICATE_KEY into the directory, as PEM. */
void bench_certificate_make(const char *directory);

void bench_certificate_path(const char *directory, const char *name, char path[CERTIFICATE_PATH_MAX]);

#endif
