/*
 * turn.h - the turn: one worker of the process has it at a time, in the order in which they asked.
 *
 * A message that may kill the process is handled only by the worker that has the turn, whatever its partition or section.
 */
#ifndef SEG_WORK_TURN_H
#define SEG_WORK_TURN_H

#include <stdbool.h>

#include "partition/handoff.h"

/* A worker's place in the queue. Zeroed before its first use. Only its worker calls the functions below with it. */
typedef struct seg_turn {
	struct seg_turn *next;
	seg_handoff *handoff; /* whose event is counted up when the turn comes */
	bool queued;
} seg_turn;

/* Takes the last place in the queue. The place and the handoff must stay valid until seg_turn_leave. */
void seg_turn_join(seg_turn *turn, seg_handoff *handoff);

/* Whether this place is the first: its worker has the turn until it leaves. */
bool seg_turn_has_come(const seg_turn *turn);

/* Gives the place up, and with it the turn if it has come: wakes the next worker. Does nothing if it is not queued. */
void seg_turn_leave(seg_turn *turn);

#endif
