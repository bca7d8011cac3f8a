/* settings.h - the options of the command line. */
#ifndef SEGBENCH_EXPERIMENTS_SETTINGS_H
#define SEGBENCH_EXPERIMENTS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/* An option that the command line does not have is 0, false or NULL. */
typedef struct bench_options {
	bool compare;
	bool quick;
	bool tcp;
	bool peers;
	const char *only;
	const char *redis; /* the program of the server */
	const char *json;
	const char *plot;
	uint64_t rounds;
	uint64_t messages;
	uint64_t size;
	uint64_t partitions;
	uint64_t rtt;     /* ms */
	uint64_t failing; /* percent of the messages */
} bench_options;

#endif
