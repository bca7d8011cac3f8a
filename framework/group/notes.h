/*
 * notes.h - what the parts of a member notice, for the agent to act on.
 *
 * A part learns something in the callback of an answer, in the middle of a connection's work. It takes a note and goes on; the
 * agent acts once the connection is done. What must hold at once (an ownership that is over) is moved at once. The I/O thread.
 */
#ifndef SEG_GROUP_NOTES_H
#define SEG_GROUP_NOTES_H

#include "group/state.h"

typedef enum seg_note {
	SEG_NOTE_HEARTBEAT = 1 << 0, /* something changed: a heartbeat is due */
	SEG_NOTE_SHARE_IN_DOUBT =
		1 << 1, /* the coordinator may not know what was lost: it must tell the share in full */
	SEG_NOTE_GROUP_OPEN = 1 << 2,      /* the group exists on every partition */
	SEG_NOTE_JOINED = 1 << 3,          /* the coordinator knows this member */
	SEG_NOTE_DROPPED = 1 << 4,         /* the coordinator knows this member no more */
	SEG_NOTE_LEFT = 1 << 5,            /* the leave was answered */
	SEG_NOTE_ANOTHER_HISTORY = 1 << 6, /* Redis may have lost its newest writes */
	SEG_NOTE_SHARE = 1 << 7,           /* a share was taken: some partitions may be ours from now on */
	SEG_NOTE_REPLACED = 1 << 8,        /* the member can never go on; member->notes.failure says why */
} seg_note;

typedef enum seg_partition_note {
	SEG_NOTE_CLAIMED = 1 << 0,  /* an ownership begins */
	SEG_NOTE_ANSWERED = 1 << 1, /* a request of the worker has its answer */
} seg_partition_note;

void seg_note_member(seg_member *member, seg_note note);
void seg_note_partition(seg_partition *partition, seg_partition_note note);

/* SEG_NOTE_REPLACED, with the reason. */
void seg_note_replaced(seg_member *member, const seg_error *failure);

/* The agent's: all notes taken since the last call. */
unsigned seg_notes_take(seg_member *member);
unsigned seg_notes_take_partition(seg_partition *partition);

/* A later owner has raised the fence: the epoch of that partition is over, and the share is in doubt. */
void seg_note_fenced(seg_partition *partition);

/*
 * Redis may have lost its newest writes: every epoch is over at once, for an answer that comes right behind may be of that
 * Redis. SEG_NOTE_ANOTHER_HISTORY.
 */
void seg_note_another_history(seg_member *member);

/* The coordinator gave the partition away: its epoch is over. `why` completes "lost: ". */
void seg_note_taken_away(seg_partition *partition, const char *why);

/* So many messages were removed from the log before the group had read them: counted, and logged. 0 is allowed. */
void seg_note_removed(seg_partition *partition, uint64_t messages);

#endif
