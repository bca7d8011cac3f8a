/*
 * goals.h - the goals that segbench --compare judges: the names of the `ratio` lines, and the values to
 * reach.
 */
#ifndef SEGBENCH_REPORT_GOALS_H
#define SEGBENCH_REPORT_GOALS_H

#include <stdbool.h>

typedef struct bench_goal {
	const char *name;
	bool at_least; /* whether the figure must be at least `value`; else at most */
	double value;
	int spare_cores; /* the cores that the machine must have, or the goal is not judged */
	const char *help;
} bench_goal;

/* In the order of the report; a goal without a name ends the list. */
extern const bench_goal bench_goals[];

/* Returns NULL if no goal has that name. */
const bench_goal *bench_goal_find(const char *name);

bool bench_goal_is_met(const bench_goal *goal, double value);

/* Whether this machine has the cores that the goal needs. */
bool bench_goal_is_judged(const bench_goal *goal);

#endif
