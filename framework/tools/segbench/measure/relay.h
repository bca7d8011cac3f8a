/*
 * relay.h - passes bytes between clients and a server, each byte after a delay, as a long cable would. The
 * relay itself does not limit the rate: it passes more than 1 GB/s.
 */
#ifndef SEGBENCH_MEASURE_RELAY_H
#define SEGBENCH_MEASURE_RELAY_H

#include <stdatomic.h>
#include <sys/socket.h>

typedef struct bench_relay {
	int listener; /* accepts the clients; listens and does not block */
	struct sockaddr_storage server;
	socklen_t server_length;
	const atomic_llong *delay; /* of each direction, in ns; another process may change it at any time */
} bench_relay;

/* Relays until the process is killed. `arg` is a bench_relay. Returns an exit code of sysexits(3) on failure. */
int bench_relay_run(void *arg);

#endif
