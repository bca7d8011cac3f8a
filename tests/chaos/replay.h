/*
 * replay.h - what became of the input of a pipeline: judges its output and its values by a replay of the input's log. Pure.
 *
 * missing     A message has no record in the output, or not all of them; a key has no value.
 * twice       A record is in the output twice; a key has two values.
 * misplaced   A key's records are not in the order of the messages that they came from.
 * untrue      A record or a value that the replay does not give: of a message that is none, or that became a dead letter, or with
 *             another chain than the key's messages up to there make.
 *
 * The replay leaves out dead letters. A message that became one because its owners died may have its records, or not: the owners
 * may have handled it. The records of its key, which were added before or after, then tell no chain.
 *
 * A failover may forget messages that nobody had confirmed yet, and that were handled: they may have their records, or not; and what
 * the chains and the value of their key say is not judged. That no record is there twice, and that none is missing of a message that is
 * still there, is judged for all keys.
 */
#ifndef CHAOS_REPLAY_H
#define CHAOS_REPLAY_H

#include <stdio.h>

#include "chaos/history.h"

typedef struct chaos_replay_verdict {
	size_t sources, outputs, values;
	size_t missing, twice, misplaced, untrue;
} chaos_replay_verdict;

/*
 * The history of the input, with the origins and the values, after chaos_check. Writes a line to `out` (which may be NULL) for each of
 * the first violations. Sorts the origins.
 */
void chaos_replay_check(chaos_history *history, chaos_replay_verdict *verdict, FILE *out);

bool chaos_replay_good(const chaos_replay_verdict *verdict);

#endif
