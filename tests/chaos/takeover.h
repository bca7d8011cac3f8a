/*
 * takeover.h - what a server has of the stream "chaos", and of what a pipeline writes, at some moment, and so what a failover to it may have lost.
 * Main thread only.
 */
#ifndef CHAOS_TAKEOVER_H
#define CHAOS_TAKEOVER_H

#include "chaos/faults.h"

typedef struct chaos_mark {
	bool known;      /* the server has the partition's slot */
	seg_id last;     /* the newest id that its log ever had */
	seg_id position; /* the group's state */
	uint64_t epoch;
	bool released;
} chaos_mark;

typedef struct chaos_marks {
	int64_t time;
	chaos_mark partitions[CHAOS_LOGS];
	bool control; /* the server has the keys that say who shall own which partition */
} chaos_marks;

/* Adds to the marks what a master or a replica has. */
void chaos_marks_read(chaos_marks *marks, const test_server *server);

/* Lowers the marks to what both have; marks that know nothing yet, of nobody, become the others. */
void chaos_marks_lower(chaos_marks *marks, const chaos_marks *others);

/*
 * Between `time` and `until`, a server with these marks, or with more than these, became the primary of what the marks
 * know. Adds that to the history.
 */
void chaos_takeover_note(chaos_world *world, const chaos_marks *marks, int64_t time, int64_t until);

/* Waits until the replica has read all that its killed or paused master had sent it. */
void chaos_takeover_wait_read(chaos_world *world, const test_server *replica, bool killed);

#endif
