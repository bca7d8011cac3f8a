/*
 * client.h - opens libsegmenter's client and stream for segbench. An error ends the program with
 * EX_UNAVAILABLE.
 */
#ifndef SEGBENCH_WAYS_CLIENT_H
#define SEGBENCH_WAYS_CLIENT_H

#include <segmenter/segmenter.h>

#include "ways/workload.h"

typedef struct bench_client {
	seg_client *client;
	seg_stream *stream; /* the workload's stream, with a partition_size that no round reaches */
} bench_client;

void bench_client_open(bench_client *client, const bench_workload *workload);
void bench_client_close(bench_client *client);

/* Opens a consumer of the workload's stream; parallel: see seg_consumer_options. */
seg_consumer *bench_client_consume(const bench_client *client, const char *group, uint32_t parallel);

/* Polls and hands each batch to `take`, then commits it, until the process is killed. */
__attribute__((noreturn)) void bench_client_poll(seg_consumer *consumer,
						 void (*take)(void *arg, const seg_batch *batch), void *arg);

/* Ends the program with the error's text if `status` is negative. */
void bench_client_check(int status, const seg_error *error);

#endif
