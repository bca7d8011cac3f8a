/*
 * host.h - starts and stops segrunner processes with one of segbench's plugins, on the stream of a workload.
 */
#ifndef SEGBENCH_WAYS_HOST_H
#define SEGBENCH_WAYS_HOST_H

#include "ways/workload.h"

typedef struct bench_host_options {
	const char *group;
	const char *runner;   /* more lines for the section [runner]; "" for none */
	const char *consumer; /* more lines for the section [consumer]; "" for none */
	const char *preload;  /* LD_PRELOAD, or NULL */
	const char *plugin;   /* a module of segbench; NULL: the no-op plugin */
} bench_host_options;

/* Starts a segrunner. The segrunner dies with segbench. */
pid_t bench_host_start(const bench_workload *workload, const bench_host_options *options);

/* Sends SIGTERM and waits until the segrunner has ended. Returns its highest resident memory in bytes. */
uint64_t bench_host_stop(pid_t pid);

/* How long segbench waits for progress before it gives up. */
#define HOST_PATIENCE_NS ((int64_t)30 * 1000000000)

/* Waits until `messages` messages have arrived. Gives up if no message arrives for HOST_PATIENCE_NS. */
void bench_host_wait_arrived(const bench_workload *workload, uint64_t messages);

/* Ends the program with EX_UNAVAILABLE; prints the error and the end of the segrunners' log on stderr. */
__attribute__((noreturn, format(printf, 2, 3))) void bench_host_give_up(const bench_workload *workload,
									const char *format, ...);

#endif
