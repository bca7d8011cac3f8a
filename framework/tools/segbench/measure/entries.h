/*
 * entries.h - object functions for hiredis that count the entries of XREAD replies and note the last ID. They
 * allocate nothing, so they show the least that reading can cost. They also take replies to XADD.
 */
#ifndef SEGBENCH_MEASURE_ENTRIES_H
#define SEGBENCH_MEASURE_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

#include "measure/pipe.h"

enum { ENTRIES_ID_MAX = 48 };

/* The `arg` of a pipe. The owner of the pipe resets the count. */
typedef struct bench_entries bench_entries;
struct bench_entries {
	uint64_t count;
	char id[ENTRIES_ID_MAX]; /* the ID of the last entry */
	/*
	 * If not NULL: called with the key of each stream, and with the value of each entry's second field.
	 */
	void (*stream)(bench_entries *entries, const char *key, size_t length);
	void (*data)(bench_entries *entries, const char *data, size_t length);
};

extern redisReplyObjectFunctions bench_entries_functions;

#endif
