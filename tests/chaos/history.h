/*
 * history.h - the history of a run: records sent, messages handled, commands that Redis executed, and faults.
 * The checker reads nothing else. Times are ns of CLOCK_BOOTTIME. No threads.
 */
#ifndef CHAOS_HISTORY_H
#define CHAOS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#define CHAOS_NEVER INT64_MAX

/* A record of the producer; numbers rise from 0 for each key. */
typedef struct chaos_send {
	uint32_t partition, key, number;
	bool acknowledged; /* then id is its entry; otherwise the entry may exist or not */
	seg_id id;
} chaos_send;

typedef enum chaos_record_kind {
	CHAOS_OPEN,
	CHAOS_CLOSE_RELEASED,
	CHAOS_CLOSE_LOST,
	CHAOS_MESSAGE,      /* its handling begins */
	CHAOS_RETURN_DONE,  /* the call returns: all up to id is done */
	CHAOS_RETURN_DEAD,  /* all before id is done; id is to become a dead letter */
	CHAOS_RETURN_AGAIN, /* all before id is done; id is to be retried */
} chaos_record_kind;

/*
 * An event that a handler saw. Events of one partition in one process are in the order in which they
 * happened.
 */
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
	CHAOS_AUDIT_COMMIT,   /* the position moved to id */
	CHAOS_AUDIT_RELEASE,  /* the owner lowered the fence */
	CHAOS_AUDIT_ROLLBACK, /* another history: the fence and the position have these values again */
	CHAOS_AUDIT_GAP,      /* events between the last one and this one may be missing */
} chaos_audit_kind;

/* What Redis did, in Redis's own order. time is when the listener heard of it, slightly later. */
typedef struct chaos_audit {
	chaos_audit_kind kind;
	uint32_t partition;
	uint64_t epoch; /* the caller's */
	seg_id id;
	int64_t time;
} chaos_audit;

/* A process, and how it ended. */
typedef struct chaos_process {
	int process;
	int64_t ended; /* when it had surely ended, or CHAOS_NEVER */
	bool killed;   /* with SIGKILL, at killed_at */
	int64_t killed_at;
} chaos_process;

/* A time in which a process was suspended. */
typedef struct chaos_freeze {
	int process;
	int64_t from, to;
} chaos_freeze;

/* A time in which Redis or the network were disturbed, so that takeovers take longer. */
typedef struct chaos_outage {
	int64_t from, to;
} chaos_outage;

typedef struct chaos_dead_letter {
	uint32_t partition;
	seg_id id;
	uint32_t deaths; /* how many owners died, which made it a dead letter; 0: a handler asked for it */
} chaos_dead_letter;

/* An entry that was removed from its log on purpose, read or not. */
typedef struct chaos_deletion {
	uint32_t partition, key, number;
	seg_id id;
	int64_t time; /* not later than the removal itself */
} chaos_deletion;

/*
 * A replica that lagged became the primary: the entries that a partition lost, and the state that it has
 * again. If nobody could look at that moment, the fields are bounds, and time to until is when it happened.
 */
typedef struct chaos_rollback {
	uint32_t partition;
	int64_t time;    /* when the old log took no more writes, and the new one none yet */
	int64_t until;   /* the same, or later: in between both may have taken writes */
	seg_id kept;     /* the last entry that the new primary has ever had, or an earlier one */
	seg_id lost;     /* the last entry of the old primary, or a later id */
	seg_id position; /* the group's state in the new primary, or an earlier one */
	uint64_t epoch;
	bool released;
	bool disputed; /* nodes of a cluster had disagreed for good on the slot: no replica's confirmation helps */
	bool assignment; /* only who shall own the partition was lost: nothing of its log, nor of the group's state */
} chaos_rollback;

/* An entry of a log at the end of the run. */
typedef struct chaos_logged {
	uint32_t partition, key, number;
	seg_id id;
} chaos_logged;

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
	CHAOS_LIST(chaos_logged) logged; /* if whole_log: everything in the logs, which were never trimmed */
	bool whole_log;
	bool durable; /* a record is acknowledged when all replicas have it */
	CHAOS_LIST(int64_t)
	jumps; /* when Redis's clock jumped forward: the leases of then end at once for Redis */
	CHAOS_LIST(int64_t) restarts; /* when each planned restart began, and when the last one was over */
	bool processes_died;          /* some process did not stop cleanly */
	uint64_t removed_unread;      /* entries, as counted by the group itself */
	int64_t lease;                /* the longest time for which an owner may trust its lease */
	uint32_t window; /* the most messages that may be handled and not yet committed, for each partition */
} chaos_history;

/* Appends to one of the lists; ends the program if memory runs out. */
#define chaos_append(list, ...)                                                                              \
	((list)->items = chaos_reserve((list)->items, &(list)->room, (list)->count, sizeof(*(list)->items)), \
	 (void)((list)->items[(list)->count++] = (__VA_ARGS__)))

/* Makes room for one more item; chaos_append uses it. */
void *chaos_reserve(void *items, size_t *room, size_t count, size_t size);

/*
 * Reads the files DIRECTORY/records.PID that the plugin chaos_record wrote. 0, or -1 with a message on
 * stderr.
 */
int chaos_history_read_records(chaos_history *history, const char *directory);

/* Writes everything but the records, whose files are there already, as text files into DIRECTORY. */
void chaos_history_write(const chaos_history *history, const char *directory);

void chaos_history_fini(chaos_history *history);

#endif
