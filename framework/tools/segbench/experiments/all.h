/* all.h - the list of experiments. Each is a file of that name. */
#ifndef SEGBENCH_EXPERIMENTS_ALL_H
#define SEGBENCH_EXPERIMENTS_ALL_H

#include "experiments/experiment.h"

/* All, in the order they run, ended by NULL. */
extern const bench_experiment *const bench_experiments[];

#endif
