/* reset_plan.h - where `segctl reset` moves a group's position in each partition, and what then waits there. */
#ifndef CTL_RESET_PLAN_H
#define CTL_RESET_PLAN_H

#include "context.h"
#include "snapshot.h"

typedef struct ctl_move {
	uint32_t partition;
	char log[SEG_KEY_MAX], state[SEG_KEY_MAX], values[SEG_KEY_MAX];
	seg_id old, newest, new; /* positions; newest: of the newest message */
	int64_t waiting;         /* messages after the new position; -1: unknown */
	int64_t count;           /* messages up to the new position, ever; -1: unknown */
	uint64_t value_count;    /* that handlers keep */
	bool set;                /* the position was set */
	bool moved;              /* refused: someone else changed the position since it was read */
	bool keeps;              /* refused: values came meanwhile */
} ctl_move;

typedef struct ctl_reset_plan {
	ctl_context *context;
	seg_stream *stream;
	const char *group;
	ctl_move *moves;
	uint32_t count;
} ctl_reset_plan;

/* What to do in each partition: begin at `start`, or, if start is NULL, move by `shift` messages. */
typedef struct ctl_reset_target {
	const seg_start *start;
	int64_t shift;     /* below 0: back */
	int64_t partition; /* only this one; -1: all */
} ctl_reset_target;

/*
 * Fills in the plan, of which context, stream and group are set. Changes nothing in Redis. 0, or an exit code after one
 * line on standard error. Free `moves` with free() in any case.
 */
int ctl_reset_plan_make(ctl_reset_plan *plan, const ctl_snapshot *snapshot, const ctl_reset_target *target);

/* The values that handlers keep in these partitions. */
uint64_t ctl_reset_plan_values(const ctl_reset_plan *plan);

void ctl_reset_plan_print(const ctl_reset_plan *plan);

#endif
