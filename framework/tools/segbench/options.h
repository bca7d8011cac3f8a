/* options.h - the command line, from one table. */
#ifndef SEGBENCH_OPTIONS_H
#define SEGBENCH_OPTIONS_H

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

/* Parses; ends the program with EX_USAGE and one line on stderr, or after --help and --version with EX_OK. */
void bench_options_parse(bench_options *options, int argc, char **argv);

#endif
