/* settings.h - what the command line asks for. */
#ifndef SEGBENCH_EXPERIMENTS_SETTINGS_H
#define SEGBENCH_EXPERIMENTS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/* 0, false and NULL: not given. */
typedef struct bench_options {
	bool compare;
	bool quick;
	bool tcp;
	const char *only;
	const char *json;
	const char *plot;
	uint64_t rounds;
	uint64_t messages;
	uint64_t size;
	uint64_t partitions;
} bench_options;

#endif
