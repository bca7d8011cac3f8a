/* all.h - the list of experiments. */
#ifndef SEGBENCH_EXPERIMENTS_ALL_H
#define SEGBENCH_EXPERIMENTS_ALL_H

#include "experiments/experiment.h"

/* All experiments in the order in which they run, ended by NULL. */
extern const bench_experiment *const bench_experiments[];

#endif
