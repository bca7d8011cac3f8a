/*
 * link.h - the distance between the measured programs and the server: a relay in a child process, with a
 * round-trip time that can change between two measurements.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_LINK_H
#define SEGBENCH_MEASURE_LINK_H

#include "measure/server.h"

/* Starts the relay. From now on, the measured programs connect through the relay, without a delay. */
void bench_link_start(bench_server *server);

/* Delays what passes from now on by rtt_ms / 2 in each direction. */
void bench_link_set_rtt(bench_server *server, uint32_t rtt_ms);

#endif
