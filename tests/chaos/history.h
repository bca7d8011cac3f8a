/*
 * history.h - what happened in a run: what was sent, what handlers were given, what Redis executed, what was done to
 * them. The checker reads nothing else. Times are ns of CLOCK_BOOTTIME. No threads.
 */
#ifndef CHAOS_HISTORY_H
#define CHAOS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#define CHAOS_NEVER INT64_MAX

/* A record of the producer; number rises from 0 for each key. */
typedef struct chaos_send {
	uint32_t partition, key, number;
	bool acknowledged; /* then id is its entry; else it may be there or not */
	seg_id id;
} chaos_send;

typedef enum chaos_record_kind {
	CHAOS_OPEN,
	CHAOS_CLOSE_RELEASED,
	CHAOS_CLOSE_LOST,
	CHAOS_MESSAGE,      /* begins to be handled */
	CHAOS_RETURN_DONE,  /* the call returns: done up to id */
	CHAOS_RETURN_DEAD,  /* done before id, which is to become a dead letter */
	CHAOS_RETURN_AGAIN, /* done before id, which is to be tried again */
} chaos_record_kind;

/* What a handler saw. Those of one partition in one process are in the order in which they happened. */
typedef struct chaos_record {
	chaos_record_kind kind;
	int process;
	uint32_t partition;
	uint64_t epoch;
	int64_t time;
	seg_id id;
	uint32_t key, number; /* of CHAOS_MESSAGE */
} chaos_record;

typedef enum chaos_audit_kind {
	CHAOS_AUDIT_CLAIM,    /* the fence was raised; id is the position */
	CHAOS_AUDIT_COMMIT,   /* the position was moved to id */
	CHAOS_AUDIT_RELEASE,  /* the fence was lowered by its owner */
	CHAOS_AUDIT_ROLLBACK, /* another history: the fence and the position are these again */
	CHAOS_AUDIT_GAP,      /* nothing is known of what happened before this, since the last event */
} chaos_audit_kind;

/* What Redis did, in its own order; time is when it was heard of, so a little later. */
typedef struct chaos_audit {
	chaos_audit_kind kind;
	uint32_t partition;
	uint64_t epoch; /* of the caller */
	seg_id id;
	int64_t time;
} chaos_audit;

/* A process, and how it ended. */
typedef struct chaos_process {
	int process;
	int64_t ended; /* when it was surely over, or CHAOS_NEVER */
	bool killed;   /* by SIGKILL, at killed_at */
	int64_t killed_at;
} chaos_process;

/* A process did not run between these. */
typedef struct chaos_freeze {
	int process;
	int64_t from, to;
} chaos_freeze;

/* Redis or the network were not well between these: takeovers take longer. */
typedef struct chaos_outage {
	int64_t from, to;
} chaos_outage;

typedef struct chaos_dead_letter {
	uint32_t partition;
	seg_id id;
	uint32_t deaths; /* of its owners, for which it became one; 0: a handler wanted it */
} chaos_dead_letter;

/* An entry that was removed from its log on purpose, whether or not anybody had read it. */
typedef struct chaos_deletion {
	uint32_t partition, key, number;
	seg_id id;
	int64_t time; /* not later than when it was */
} chaos_deletion;

/* A replica that lagged became the primary: what a partition has lost of its log, and what is true again. */
typedef struct chaos_rollback {
	uint32_t partition;
	int64_t time; /* when nothing could be written any more to what is lost, and nothing yet to what is kept */
	seg_id kept;     /* the last entry that the new primary has ever had, */
	seg_id lost;     /* and the old one */
	seg_id position; /* the group's state in the new one */
	uint64_t epoch;
	bool released;
} chaos_rollback;

#define CHAOS_LIST(type)      \
	struct {              \
		type *items;  \
		size_t count; \
		size_t room;  \
	}

typedef struct chaos_history {
	CHAOS_LIST(chaos_send) sends;
	CHAOS_LIST(chaos_record) records;
	CHAOS_LIST(chaos_audit) audits;
	CHAOS_LIST(chaos_process) processes;
	CHAOS_LIST(chaos_freeze) freezes;
	CHAOS_LIST(chaos_outage) outages;
	CHAOS_LIST(chaos_dead_letter) dead_letters;
	CHAOS_LIST(chaos_deletion) deletions;
	CHAOS_LIST(chaos_rollback) rollbacks;
	CHAOS_LIST(int64_t) restarts; /* when each planned one began, and when the last was over */
	bool processes_died;          /* some did not stop cleanly */
	uint64_t removed_unread;      /* entries, as the group itself has counted them */
	int64_t lease;                /* for how long an owner may trust what it was told, at most */
	uint32_t window;              /* messages that may be handled and not yet committed, per partition */
} chaos_history;

/* Appends to one of the lists; ends the program when out of memory. */
#define chaos_append(list, ...)                                                                              \
	((list)->items = chaos_reserve((list)->items, &(list)->room, (list)->count, sizeof(*(list)->items)), \
	 (void)((list)->items[(list)->count++] = (__VA_ARGS__)))

/* Room for one more item; what chaos_append is made of. */
void *chaos_reserve(void *items, size_t *room, size_t count, size_t size);

/* Reads what the plugin chaos_record wrote: DIRECTORY/records.PID, each. 0, or -1 with a message on stderr. */
int chaos_history_read_records(chaos_history *history, const char *directory);

/* Writes all but the records, which lie there already, as text into DIRECTORY. */
void chaos_history_write(const chaos_history *history, const char *directory);

void chaos_history_fini(chaos_history *history);

#endif
