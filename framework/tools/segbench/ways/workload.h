/*
 * workload.h - what is measured with: a stream of so many partitions, filled evenly with messages of one
 * size.
 */
#ifndef SEGBENCH_WAYS_WORKLOAD_H
#define SEGBENCH_WAYS_WORKLOAD_H

#include <segmenter/segmenter.h>

#include "measure/payload.h"
#include "measure/server.h"
#include "measure/tally.h"

#define WORKLOAD_NAMESPACE "bench"
#define WORKLOAD_STREAM "load"

enum {
	WORKLOAD_KEY_MAX = 64,
	WORKLOAD_BATCH = 512, /* the most messages that one read or one handler's batch has, whoever reads */
};

typedef struct bench_workload {
	bench_server *server;
	tally *tally;          /* shared with who receives; see bench_workload_reset */
	char tally_path[96];   /* the file of its memory */
	uint32_t partitions;   /* at most TALLY_PARTITIONS */
	uint32_t size;         /* bytes of data a message */
	uint64_t messages;     /* in all; a multiple of partitions */
	seg_packing packing;   /* of the stream, where it is sent by the library */
	bench_payload payload; /* likewise, of the records */
	uint64_t round;        /* how many of them a round moves, evenly: the oldest of each partition */
} bench_workload;

/* off, on or lz4, as in a configuration. */
const char *bench_workload_packing(seg_packing packing);

/* Makes the shared tally in the server's directory. */
void bench_workload_init(bench_workload *workload, bench_server *server);
void bench_workload_fini(bench_workload *workload);

/* Sets how much there is: about so many messages, fewer where they would need more than 512 MiB. */
void bench_workload_set(bench_workload *workload, uint32_t partitions, uint32_t size, uint64_t messages);

/* How many messages one read asks for, whoever reads: WORKLOAD_BATCH, or 4 MiB of them if that is fewer. */
uint32_t bench_workload_batch(const bench_workload *workload);

/* Empties Redis. */
void bench_workload_clear(bench_workload *workload);

/* Empties Redis and fills the stream's partitions. */
void bench_workload_fill(bench_workload *workload);

/* Fills the partitions in one transaction, of a stream that runners wait on already. */
void bench_workload_add(bench_workload *workload);

/* The data of a message, which the caller frees; its length is the workload's size, and a NUL follows. */
char *bench_workload_data(const bench_workload *workload);

/* A partition key whose messages go to the partition. */
void bench_workload_partition_key(const bench_workload *workload, uint32_t partition,
				  char key[WORKLOAD_KEY_MAX]);

/* The key of a partition's log. */
void bench_workload_key(uint32_t partition, char key[WORKLOAD_KEY_MAX]);

/* Nothing has arrived. */
void bench_workload_reset(bench_workload *workload);

/* How many messages have arrived, and the time from the first to the last of them in ns. */
uint64_t bench_workload_arrived(const bench_workload *workload);
int64_t bench_workload_wall(const bench_workload *workload);

#endif
