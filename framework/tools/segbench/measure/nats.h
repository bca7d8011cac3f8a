/*
 * nats.h - a nats-server with JetStream, which segbench starts to compare it with Redis. The server is a bench_server
 * whose `peer` is set: only its pid and its port count.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_NATS_H
#define SEGBENCH_MEASURE_NATS_H

#include "measure/server.h"

/* Whether nats-server is installed. */
bool bench_nats_is_installed(void);

/* Starts a nats-server on a free TCP port, and waits until it accepts clients. Its files are in the directory of `beside`. */
void bench_nats_start(bench_server *nats, const bench_server *beside);

void bench_nats_stop(bench_server *nats);

#endif
