/*
 * workload.h - the stream that segbench measures with: its partitions hold the same number of messages, all
 * of one size.
 */
#ifndef SEGBENCH_WAYS_WORKLOAD_H
#define SEGBENCH_WAYS_WORKLOAD_H

#include <segmenter/segmenter.h>

#include "measure/payload.h"
#include "measure/server.h"
#include "measure/tally.h"

#define WORKLOAD_NAMESPACE "bench"
#define WORKLOAD_STREAM "load"
#define WORKLOAD_OUTPUT "written" /* by a handler */

enum {
	WORKLOAD_KEY_MAX = 64,
	WORKLOAD_BATCH = 512, /* the most messages in one read or in one batch of a handler, for every way */
};

typedef struct bench_workload {
	bench_server *server;
	bench_server *peer;    /* for the ways that do not use Redis; else NULL */
	tally *tally;          /* shared with the processes that receive */
	char tally_path[96];   /* the file that holds the tally */
	uint32_t partitions;   /* at most TALLY_PARTITIONS, unless nothing reads the tally */
	uint32_t size;         /* bytes of data a message */
	uint64_t messages;     /* of all partitions; a multiple of `partitions` */
	seg_packing packing;   /* of the stream, if libsegmenter sends */
	bench_payload payload; /* of the records, if the producer sends */
	uint64_t round; /* the messages that a round moves: the oldest ones, as many of each partition */
} bench_workload;

/* "off", "on", "lz4" or "zstd", as in a configuration file; static text. */
const char *bench_workload_packing(seg_packing packing);

/* Creates the shared tally in the server's directory. */
void bench_workload_init(bench_workload *workload, bench_server *server);
void bench_workload_fini(bench_workload *workload);

/* Sets the size of the workload: about `messages` messages, fewer if they would need more than 512 MiB. */
void bench_workload_set(bench_workload *workload, uint32_t partitions, uint32_t size, uint64_t messages);

/* The COUNT of one read, for every way: WORKLOAD_BATCH, or fewer if that many messages exceed 4 MiB. */
uint32_t bench_workload_batch(const bench_workload *workload);

/* Empties Redis. */
void bench_workload_clear(bench_workload *workload);

/* Empties Redis and fills the stream's partitions. */
void bench_workload_fill(bench_workload *workload);

/* Adds the workload's messages to those that are there. */
void bench_workload_append(bench_workload *workload);

/* Fills the stream's partitions in one transaction, while segrunners wait for messages. */
void bench_workload_add(bench_workload *workload);

/* The data of a message: as many bytes as the workload's size, then a NUL. The caller frees the data. */
char *bench_workload_data(const bench_workload *workload);

/* A partition key that seg_partition_of maps to the partition. */
void bench_workload_partition_key(const bench_workload *workload, uint32_t partition,
				  char key[WORKLOAD_KEY_MAX]);

/* The Redis key of a partition's stream. */
void bench_workload_key(uint32_t partition, char key[WORKLOAD_KEY_MAX]);

/* Sets the tally to 0. */
void bench_workload_reset(bench_workload *workload);

/* The number of messages that have arrived; the time from the first to the last of them in ns. */
uint64_t bench_workload_arrived(const bench_workload *workload);
int64_t bench_workload_wall(const bench_workload *workload);

#endif
