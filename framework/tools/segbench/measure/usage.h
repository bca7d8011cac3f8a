/*
 * usage.h - how much of the machine's CPU other programs used during a measurement. segbench repeats a
 * measurement that other programs disturbed.
 */
#ifndef SEGBENCH_MEASURE_USAGE_H
#define SEGBENCH_MEASURE_USAGE_H

#include <stdint.h>

#include "measure/server.h"

/* Above this share of the CPU, segbench measures again, USAGE_TRIES times in all. */
#define USAGE_DISTURBED 0.03
enum { USAGE_TRIES = 3 };

typedef struct bench_usage {
	int64_t at;      /* tally_now() */
	int64_t machine; /* CPU time of all processes, in ns */
	int64_t ours;    /* CPU time of segbench, its ended children, the server and the relay, in ns */
} bench_usage;

bench_usage bench_usage_now(bench_server *server);

/*
 * The share of the machine's CPU since `since`, 0 to 1, that was neither idle nor ours. All children must
 * have ended.
 */
double bench_usage_of_others(const bench_usage *since, bench_server *server);

#endif
