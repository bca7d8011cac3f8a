/*
 * entries.h - reads XREAD replies and keeps nothing of them but how many entries there were and the last id:
 * what reading costs at the least.
 */
#ifndef SEGBENCH_MEASURE_ENTRIES_H
#define SEGBENCH_MEASURE_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

#include "measure/pipe.h"

enum { ENTRIES_ID_MAX = 48 };

/* A pipe's `arg`. The owner of the pipe resets the count. */
typedef struct bench_entries bench_entries;
struct bench_entries {
	uint64_t count;
	char id[ENTRIES_ID_MAX]; /* of the last entry */
	/* Where not NULL: told of each stream's key, and of each entry's value of the second field. */
	void (*stream)(bench_entries *entries, const char *key, size_t length);
	void (*data)(bench_entries *entries, const char *data, size_t length);
};

extern redisReplyObjectFunctions bench_entries_functions;

#endif
