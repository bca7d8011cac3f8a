/*
 * fenced_call.h - what commits, dead letters and marks have in common: each call carries the owner's epoch, and Redis refuses
 * the call once a later owner has raised the fence. I/O thread.
 */
#ifndef SEG_GROUP_FENCED_CALL_H
#define SEG_GROUP_FENCED_CALL_H

#include "group/state.h"

/* The texts of a call's arguments. */
typedef struct seg_fenced_texts {
	char epoch[24];
	char id[SEG_ID_TEXT_MAX];
	char count[24]; /* entries that the group has read up to `id`, or records ("r<n>"); -1: unknown */
} seg_fenced_texts;

/* Writes the texts for position `id`, which is `count` messages into this ownership. */
void seg_fenced_write(seg_fenced_texts *texts, const seg_partition *partition, seg_id id, uint64_t count);

/* Whether a call may be sent on the link: it has the member's history, and no pause after a refusal is under way. */
bool seg_fenced_may_send(const seg_partition *partition, const seg_member_link *link, int64_t now);

/*
 * Issues the call as seg_route_script does; the callback gets the partition. Where the slot has another master, the call ends with
 * the error MOVED: that master may lack what the owner has read and handled, until the partition is claimed there.
 */
bool seg_fenced_send(seg_partition *partition, seg_route *route, seg_script script, seg_reply_fn fn, int keys,
		     int argc, const char *const *argv, const size_t *lengths);

/*
 * Whether Redis did the call, which was one of this ownership. If not, either the ownership is over (seg_note_fenced), or the
 * caller must send the call again at fenced_call.retry_at or later. `what` names the call in the log.
 */
bool seg_fenced_succeeded(seg_partition *partition, const seg_reply *reply, const char *what);

/* A new ownership begins: its first call need not wait. */
void seg_fenced_begin(seg_partition *partition);

#endif
