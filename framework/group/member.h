/*
 * member.h - a member of a group, from the outside: a thread that joins, heartbeats, claims, fetches and commits.
 *
 * Those who handle the messages (segrunner's workers, the pull consumer) are called through the hooks (state.h), and meet the
 * thread only in the handoffs. How a member works inside is told in state.h.
 */
#ifndef SEG_GROUP_MEMBER_H
#define SEG_GROUP_MEMBER_H

#include "group/state.h"

/*
 * Starts the member's thread. The stream and what the options point to outlive it. 0, SEG_ENOMEM or SEG_ESYSTEM.
 */
int seg_member_open(seg_stream *stream, const seg_member_options *options, seg_member **member,
		    seg_error *error);

/* Asks it to stop; returns at once. Any thread; a later NOW overrides a DRAIN. */
void seg_member_stop(seg_member *member, seg_stopping stop);

/* Sees to it that the thread, if it lives, goes round at once, though there is nothing to do. Any thread. */
void seg_member_nudge(seg_member *member);

/* Has the hook `report` called for each partition that is not NONE; returns at once. Any thread. */
void seg_member_report(seg_member *member);

/* Waits until the thread has ended, for up to `timeout` ns: 0 or SEG_ETIMEOUT. */
int seg_member_join(seg_member *member, int64_t timeout);

/* Frees it. The thread must have ended. */
void seg_member_destroy(seg_member *member);

/* The default name of a member: host, process, and random bits. */
void seg_member_default_name(char name[SEG_NAME_MAX + 1]);

#endif
