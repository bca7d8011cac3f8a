/*
 * goals.h - the goals that segbench --compare judges: the names of the `ratio` lines, and the values to
 * reach.
 */
#ifndef SEGBENCH_REPORT_GOALS_H
#define SEGBENCH_REPORT_GOALS_H

#include <stdbool.h>

#include "measure/series.h"

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

typedef enum bench_verdict {
	VERDICT_MET,        /* the median reaches the goal */
	VERDICT_NOISE,      /* the median misses, but the goal lies inside the spread of the rounds */
	VERDICT_MISSED,     /* neither */
	VERDICT_NOT_JUDGED, /* the machine has too few cores for this goal */
} bench_verdict;

/*
 * Judges the rounds of a figure. The spread is the middle half of the rounds, so that more rounds do not widen it as
 * they widen the range from the lowest to the highest. A single round has no spread.
 */
bench_verdict bench_goal_judge(const bench_goal *goal, const bench_series *rounds);

/* As the report prints the verdict; static text. */
const char *bench_verdict_text(bench_verdict verdict);

#endif
