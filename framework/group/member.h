/*
 * member.h - a member of a group: a thread that joins the group, sends heartbeats, claims partitions, fetches and commits.
 *
 * The member calls segrunner's workers or the pull consumer, which handle the messages, through hooks (state.h). They share only
 * the handoffs with the thread. state.h describes the inside of a member.
 */
#ifndef SEG_GROUP_MEMBER_H
#define SEG_GROUP_MEMBER_H

#include "group/state.h"

/*
 * Starts the member's thread. The stream, and the hooks' `arg` and shared_event, must outlive the member; the names are copied.
 * Returns 0, SEG_ENOMEM or SEG_ESYSTEM.
 */
int seg_member_open(seg_stream *stream, const seg_member_options *options, seg_member **member,
		    seg_error *error);

/* Asks the member to stop; returns at once. A later NOW overrides a DRAIN. Any thread. */
void seg_member_stop(seg_member *member, seg_stopping stop);

/*
 * Drains all partitions, but stays a member that owns them, so that none moves: seg_member_is_drained says when that is done. A
 * stop still stops the member, and leaves the group. Any thread.
 */
void seg_member_pause(seg_member *member);
bool seg_member_is_drained(const seg_member *member);

/* Ends a paused member's thread without leaving the group. Its successor gets its incarnation, and its partitions. Any thread. */
void seg_member_end_pause(seg_member *member);

/* Makes the thread do a round at once, even if nothing is due: a test whether the thread lives. Any thread. */
void seg_member_nudge(seg_member *member);

/*
 * A caller waits for commits, until _awaited. Meanwhile, these go out each commit_interval, however many partitions there are. Any
 * thread.
 */
void seg_member_await_commits(seg_member *member);
void seg_member_awaited_commits(seg_member *member);

/* A caller lacks memory: the thread frees what it keeps for later reads (partition/stock.h). Returns at once. Any thread. */
void seg_member_starve(seg_member *member);

/* Makes the thread call the hook `report` for each partition that is not SEG_OWN_NONE; returns at once. Any thread. */
void seg_member_report(seg_member *member);

/* Waits up to `timeout` ns for the thread to end. Returns 0 or SEG_ETIMEOUT. */
int seg_member_join(seg_member *member, int64_t timeout);

/* Frees the member. Its thread must have ended. */
void seg_member_destroy(seg_member *member);

/* Writes a default name: host, process id, and random bits. */
void seg_member_default_name(char name[SEG_NAME_MAX + 1]);

#endif
