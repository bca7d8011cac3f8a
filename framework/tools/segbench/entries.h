/*
 * entries.h - reads XREAD replies and keeps nothing of them but how many entries there were and the last id: what
 * reading costs at the least.
 */
#ifndef SEGBENCH_ENTRIES_H
#define SEGBENCH_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

#include "pipe.h"

enum { ENTRIES_ID_MAX = 48 };

/* A pipe's `arg`. The owner of the pipe resets the count. */
typedef struct bench_entries {
	uint64_t count;
	char id[ENTRIES_ID_MAX]; /* of the last entry */
} bench_entries;

extern redisReplyObjectFunctions bench_entries_functions;

#endif
