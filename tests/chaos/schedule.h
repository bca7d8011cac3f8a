/*
 * schedule.h - which faults happen, when, and to which process. All are drawn from a seed before anything runs,
 * so the same seed gives the same schedule. Pure.
 */
#ifndef CHAOS_SCHEDULE_H
#define CHAOS_SCHEDULE_H

#include "chaos/faults.h"

/*
 * Fills faults[count] with faults of runners and of this topology; pipeline: of a pipeline with it. only: a kind's name, or NULL for all. False if there
 * is no such kind.
 */
bool chaos_schedule_draw(chaos_topology topology, bool pipeline, uint64_t seed, const char *only,
			 chaos_fault *faults, size_t count);

/* Prints the names of the kinds that the topology has. */
void chaos_schedule_names(chaos_topology topology, bool pipeline, FILE *out);

/* Whether all of the faults are clean. */
bool chaos_schedule_clean(const chaos_fault *faults, size_t count);

#endif
