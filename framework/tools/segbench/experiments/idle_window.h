/* idle_window.h - what a segrunner costs while no messages arrive. */
#ifndef SEGBENCH_IDLE_WINDOW_H
#define SEGBENCH_IDLE_WINDOW_H

#include <sys/types.h>

#include "measure/series.h"
#include "ways/workload.h"

typedef struct bench_idle_window {
	bench_series cpu, commands; /* % of a core; a second */
	bench_series memory;        /* MiB */
} bench_idle_window;

/* Watches the segrunner for so long, and adds what it has cost to each series. */
void bench_idle_window_measure(bench_idle_window *window, const bench_workload *workload, pid_t pid, int ms);

#endif
