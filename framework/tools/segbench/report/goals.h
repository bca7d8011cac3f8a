/* goals.h - what segbench --compare judges: the names of its `ratio` lines, and what they should be. */
#ifndef SEGBENCH_REPORT_GOALS_H
#define SEGBENCH_REPORT_GOALS_H

#include <stdbool.h>

typedef struct bench_goal {
	const char *name;
	bool at_least; /* else at most */
	double value;
	int spare_cores; /* cores the machine must have for it to be judged at all */
	const char *help;
} bench_goal;

/* In the order they are printed; the last has no name. */
extern const bench_goal bench_goals[];

/* NULL: there is no goal of that name. */
const bench_goal *bench_goal_find(const char *name);

bool bench_goal_is_met(const bench_goal *goal, double value);

/* Whether this machine has the cores that the goal needs. */
bool bench_goal_is_judged(const bench_goal *goal);

#endif
