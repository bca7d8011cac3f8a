/*
 * way.h - a way to move a workload's messages, and what one round of it cost.
 *
 * All ways are measured alike: wall time from the first message to the last (from the first send to the last
 * answer, where messages are sent); CPU time of the client's whole process over the same span and until it
 * has committed all; CPU time of the server over the whole round, connecting included.
 */
#ifndef SEGBENCH_WAYS_WAY_H
#define SEGBENCH_WAYS_WAY_H

#include "ways/workload.h"

typedef struct bench_measure {
	uint64_t messages;
	int64_t wall;       /* ns */
	int64_t client_cpu; /* ns, in all; likewise the server's */
	int64_t server_cpu;
	uint64_t client_peak; /* bytes resident at most; likewise the server's */
	uint64_t server_peak;
	double others; /* the part of the machine's CPU that others used meanwhile, 0 to 1 */
} bench_measure;

typedef struct bench_way {
	const char *name;
	const char *help; /* for the report */
	uint32_t part;    /* it moves only one in so many messages, being slow; 0 and 1: all */
	bool sends;       /* begins with an empty Redis */
	/*
	 * Moves the messages (bench_workload.round in all) and fills the client's part of the measure. Ends
	 * the program on failure. The tally tells what has arrived.
	 */
	void (*run)(bench_workload *workload, bench_measure *measure);
} bench_way;

extern const bench_way bench_way_bare;       /* bare.c */
extern const bench_way bench_way_xreadgroup; /* stock.c */
extern const bench_way bench_way_xreadgroup_one;
extern const bench_way bench_way_xadd_stock;
extern const bench_way bench_way_segrunner; /* host.c */
extern const bench_way bench_way_xadd;      /* xadd.c */
extern const bench_way bench_way_consumer;  /* library.c */
extern const bench_way bench_way_producer;

/* One round: runs it, checks that every message arrived, once, and fills the measure. */
void bench_way_measure(const bench_way *way, bench_workload *workload, bench_measure *measure);

/*
 * For ways that are a function of segbench's: runs it in a process of its own, which fills the tally, and
 * takes the client's part of the measure. The function returns an exit code, and its CPU time counts until it
 * does.
 */
void bench_way_run_child(int (*function)(void *workload), bench_workload *workload, bench_measure *measure,
			 const char *name);

#endif
