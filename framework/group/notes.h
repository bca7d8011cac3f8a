/*
 * notes.h - notes that the parts of a member take for the agent. I/O thread.
 *
 * A part learns most things in the callback of an answer, while a connection is at work. It takes a note; the agent acts on the
 * notes once the connection is done. Only the end of an ownership takes effect at once.
 */
#ifndef SEG_GROUP_NOTES_H
#define SEG_GROUP_NOTES_H

#include "group/state.h"

typedef enum seg_note {
	SEG_NOTE_HEARTBEAT = 1 << 0, /* something changed: a heartbeat is due */
	SEG_NOTE_SHARE_IN_DOUBT =
		1 << 1, /* the coordinator may not know that a partition was lost: ask for the whole share */
	SEG_NOTE_GROUP_OPEN = 1 << 2,      /* the group exists on every partition */
	SEG_NOTE_JOINED = 1 << 3,          /* the coordinator knows this member */
	SEG_NOTE_DROPPED = 1 << 4,         /* the coordinator no longer knows this member */
	SEG_NOTE_LEFT = 1 << 5,            /* the leave has its answer, or its connection is lost */
	SEG_NOTE_ANOTHER_HISTORY = 1 << 6, /* Redis may have lost its newest writes */
	SEG_NOTE_SHARE = 1 << 7,           /* a share was taken: it may have new partitions */
	SEG_NOTE_PARTITIONS_IN_DOUBT =
		1 << 9,             /* the servers of some partitions may have lost their newest writes */
	SEG_NOTE_REPLACED = 1 << 8, /* the member has failed for good; member->notes.failure says why */
} seg_note;

typedef enum seg_partition_note {
	SEG_NOTE_CLAIMED = 1 << 0,  /* an ownership begins */
	SEG_NOTE_ANSWERED = 1 << 1, /* the worker's request has its answer */
} seg_partition_note;

/* notes: one or more of seg_note. */
void seg_note_member(seg_member *member, unsigned notes);
void seg_note_partition(seg_partition *partition, seg_partition_note note);

/* Takes SEG_NOTE_REPLACED with the reason. */
void seg_note_replaced(seg_member *member, const seg_error *failure);

/* For the agent: returns the notes taken since the last call. */
unsigned seg_notes_take(seg_member *member);
unsigned seg_notes_take_partition(seg_partition *partition);

/* This epoch exists: the coordinator must give out later ones only, even if it has forgotten this one. */
void seg_note_epoch(seg_member *member, uint64_t epoch);

/* A later owner has raised the fence, or Redis has forgotten it: ends the partition's epoch for good, and takes
 * SEG_NOTE_SHARE_IN_DOUBT. */
void seg_note_fenced(seg_partition *partition);

/* The group has vanished with its log: ends the epoch in the same way. */
void seg_note_gone(seg_partition *partition);

/*
 * A server may have lost its newest writes: ends the epochs of its partitions at once, because the next answer may be based
 * on that loss. If it is the server of the membership, ends every epoch, and takes SEG_NOTE_ANOTHER_HISTORY.
 */
void seg_note_another_history(seg_member *member, seg_node node);

/* The group's control keys were migrated to another node, with all writes: the membership is proven there, and no epoch ends. */
void seg_note_control_moved(seg_member *member);

/* The partition's slot has another node, which may have fewer writes than the last one: ends the epoch. */
void seg_note_moved(seg_partition *partition);

/* The coordinator gave the partition away: ends its epoch. `why` completes the log line "lost: ". */
void seg_note_taken_away(seg_partition *partition, const char *why);

/* The coordinator does not know this member any more, perhaps because Redis has forgotten the whole group: ends the epoch. */
void seg_note_dropped(seg_partition *partition, const char *why);

/* Logs that the group had vanished, and where it goes on: the answer of open_group or of a claim. False: it had not. */
bool seg_note_remade(seg_partition *partition, const seg_reply *status, const seg_reply *was,
		     const seg_reply *position);

/* Counts and logs messages that were removed from the log before the group had read them. 0: does nothing. */
void seg_note_removed(seg_partition *partition, uint64_t messages);

#endif
