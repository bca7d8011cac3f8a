/*
 * way.h - a way to consume or to send the messages of a workload, and the cost of one round.
 *
 * segbench measures all ways alike. The wall time of a way that consumes counts from the first message to the
 * last; of a way that sends, from the first send to the last reply. The client's CPU time is that of its
 * whole process, from the same start until the client has committed all messages. The server's CPU time is
 * that of the whole round, including the client's connecting.
 */
#ifndef SEGBENCH_WAYS_WAY_H
#define SEGBENCH_WAYS_WAY_H

#include "ways/workload.h"

typedef struct bench_measure {
	uint64_t messages;
	int64_t wall;       /* ns */
	int64_t client_cpu; /* ns, for all messages; likewise the server's */
	int64_t server_cpu;
	uint64_t client_peak; /* highest resident memory in bytes; likewise the server's */
	uint64_t server_peak;
	double others; /* the share of the machine's CPU that other programs used, 0 to 1 */
} bench_measure;

typedef struct bench_way {
	const char *name;
	const char *help; /* for the report */
	uint32_t part;    /* a slow way moves only 1/part of the messages; 0 and 1: all */
	bool sends;       /* whether the way sends; segbench then empties Redis before each round */
	bool peer;        /* whether the way uses the workload's peer, not Redis */
	/*
	 * Moves bench_workload.round messages, counts them in the tally, and fills the client's fields of the
	 * measure. Ends the program on failure.
	 */
	void (*run)(bench_workload *workload, bench_measure *measure);
} bench_way;

/* Ways that consume. Each way is in the file of that name. */
extern const bench_way bench_way_bare;
extern const bench_way bench_way_segrunner;
extern const bench_way bench_way_consumer;
extern const bench_way bench_way_xreadgroup;
extern const bench_way bench_way_xreadgroup_one; /* xreadgroup.c */
extern const bench_way bench_way_pipeline;
extern const bench_way bench_way_state; /* pipeline.c */

/* Ways that send. */
extern const bench_way bench_way_xadd;
extern const bench_way bench_way_producer;
extern const bench_way bench_way_xadd_hiredis;

/* Ways of JetStream, on a nats-server as the peer: nats.c. */
extern const bench_way bench_way_nats_publish;
extern const bench_way bench_way_nats_fetch;
extern const bench_way bench_way_nats_fetch_each;

/* Runs one round, checks that each partition has moved its number of messages, and fills the measure. */
void bench_way_measure(const bench_way *way, bench_workload *workload, bench_measure *measure);

/*
 * Runs a way that is a function of segbench in a child process, and fills the client's fields of the measure.
 * The function returns the exit code; its CPU time counts until the function returns. Errors call the
 * function by `name`.
 */
void bench_way_run_child(int (*function)(void *workload), bench_workload *workload, bench_measure *measure,
			 const char *name);

#endif
