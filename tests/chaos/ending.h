/*
 * ending.h - the end of a run: everything is healed, the group handles all that is left, and the history gets what Redis
 * has by then. Main thread only.
 */
#ifndef CHAOS_ENDING_H
#define CHAOS_ENDING_H

#include "chaos/faults.h"
#include "chaos/load.h"

/* Whether each partition has an owner that has claimed it. */
bool chaos_are_all_claimed(chaos_world *world);

/* Adds the dead letters that are in Redis to the history. Before Redis loses them, and at the end. */
void chaos_read_dead_letters(chaos_world *world);

/* After the last fault the group must recover and handle everything. Returns how many things went wrong. */
int chaos_end(chaos_world *world, chaos_load *load);

#endif
