/*
 * usage.h - how much of the machine's CPU others used while something was measured: figures that were
 * disturbed by them are measured again.
 */
#ifndef SEGBENCH_MEASURE_USAGE_H
#define SEGBENCH_MEASURE_USAGE_H

#include <stdint.h>

#include "measure/server.h"

/* With more of the CPU in the hands of others a measure is taken again; so often in all. */
#define USAGE_DISTURBED 0.03
enum { USAGE_TRIES = 3 };

typedef struct bench_usage {
	int64_t at;      /* tally_now() */
	int64_t machine; /* CPU time of all, in ns */
	int64_t ours;    /* of segbench, its ended children, and the server */
} bench_usage;

bench_usage bench_usage_now(bench_server *server);

/* The part of the machine, 0 to 1, that was neither idle nor ours since. The children must have ended. */
double bench_usage_of_others(const bench_usage *since, bench_server *server);

#endif
