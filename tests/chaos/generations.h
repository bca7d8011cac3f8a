/*
 * generations.h - which of a partition's logs each event of a history is about. Part of the checker.
 *
 * When a partition's log is lost, the next one may give the same ids again: an id names an entry only within its generation. A
 * message tells its generation by its content: it is of an old log if that log had it when it was lost, or if a handler had it
 * before.
 */
#ifndef CHAOS_GENERATIONS_H
#define CHAOS_GENERATIONS_H

#include "chaos/history.h"

/*
 * Sets the generation of acknowledged records, messages, dead letters and what Redis executed. What no log had when it was lost,
 * and no handler had, is of the last generation.
 */
void chaos_generations_tell(chaos_history *history);

#endif
