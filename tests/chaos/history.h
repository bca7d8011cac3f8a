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

#include "chaos/chain.h"

#define CHAOS_NEVER INT64_MAX

/* The stream that a pipeline writes; it reads "chaos". */
#define CHAOS_OUTPUT "transformed"

/* A record of the producer; numbers rise from 0 for each key. */
typedef struct chaos_send {
	uint32_t partition, key, number;
	bool acknowledged; /* then id is its entry; otherwise the entry may exist or not */
	seg_id id;
	uint32_t generation; /* of its log, as in all that follows: generations.h sets it */
	int64_t told;        /* when it was acknowledged */
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
	uint32_t key, number; /* of CHAOS_MESSAGE, as the next */
	uint32_t generation;
	uint32_t lane; /* which of the threads of the partition it was; 0 in older files */
} chaos_record;

/* What a message of a pipeline's output says about where it came from: see plugins/chaos_transform.c. */
typedef struct chaos_origin {
	uint32_t partition, key; /* of the message itself */
	seg_id id;
	uint32_t source_partition, number, part;
	seg_id source_id;
	chaos_chain chain;
} chaos_origin;

/* A value that the group keeps in a partition, at the end of the run. */
typedef struct chaos_value {
	uint32_t partition, key;
	chaos_chain chain;
} chaos_value;

typedef enum chaos_audit_kind {
	CHAOS_AUDIT_CLAIM,      /* the fence was raised; id is the position */
	CHAOS_AUDIT_COMMIT,     /* the position moved to id */
	CHAOS_AUDIT_AGAIN,      /* a commit came again, after a later one; id is the position, which stays */
	CHAOS_AUDIT_RELEASE,    /* the owner lowered the fence */
	CHAOS_AUDIT_ROLLBACK,   /* another history: the fence and the position have these values again */
	CHAOS_AUDIT_GAP,        /* events between the last one and this one may be missing */
	CHAOS_AUDIT_LOG_LOST,   /* the partition's log was deleted */
	CHAOS_AUDIT_GROUP_LOST, /* its group in Redis was destroyed */
	CHAOS_AUDIT_STATE_LOST, /* the group's state in the partition was deleted: the fence is down */
	CHAOS_AUDIT_ALL_LOST,   /* all this, of all partitions, and who owns them */
} chaos_audit_kind;

/* What Redis did, in Redis's own order. time is when the listener heard of it, slightly later. */
typedef struct chaos_audit {
	chaos_audit_kind kind;
	uint32_t partition;
	uint64_t epoch; /* the caller's */
	seg_id id;
	int64_t time;
	uint32_t generation;
	bool of_output; /* it is of the stream that a pipeline writes */
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
	uint32_t key, number;
	uint32_t generation;
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

/* Redis's clock jumped forward: the leases of then end at once for Redis. */
typedef struct chaos_jump {
	int64_t time;
	int64_t ms; /* how far, at least; Redis's time went on before, if the clock had been put back */
} chaos_jump;

/*
 * A partition's log was lost, and another one of the same name followed: the next generation. Its ids may be lower. What the
 * lost log had at that moment is in the history, too; whatever it had had before, was committed.
 */
typedef struct chaos_loss {
	uint32_t partition;
	int64_t time;    /* when the log took no more writes, and the new one none yet */
	seg_id position; /* the group's */
	bool leases;     /* who owns the partition was lost, too, and all epochs */
	bool behind;     /* Redis's clock had been later before */
} chaos_loss;

typedef struct chaos_lost {
	uint32_t partition, generation, key, number;
	seg_id id;
} chaos_lost;

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
	CHAOS_LIST(chaos_loss) losses; /* in their order, as the next */
	CHAOS_LIST(chaos_lost) lost;
	CHAOS_LIST(chaos_logged) logged; /* if whole_log: everything in the logs, which were never trimmed */
	bool whole_log;
	bool durable; /* a record is acknowledged when all replicas have it */
	CHAOS_LIST(chaos_jump) jumps;
	CHAOS_LIST(chaos_origin) origins; /* in what a pipeline's readers got: each message at least once */
	CHAOS_LIST(chaos_value) values;
	CHAOS_LIST(chaos_outage)
	held;           /* when a pipeline's output was full: what is handled cannot be committed then */
	uint32_t lanes; /* the section's `parallel`; 0 is the same as 1 */
	bool no_values; /* of a pipeline: its members keep none */
	bool emits;     /* the handler writes a stream: what it has done counts once that is written */
	CHAOS_LIST(int64_t) restarts; /* when each planned restart began, and when the last one was over */
	bool processes_died;          /* some process did not stop cleanly */
	uint64_t removed_unread;      /* entries, as counted by the group itself */
	int64_t lease;                /* the longest time for which an owner may trust its lease */
	/* The most messages that may be handled and not yet committed, for each partition; with lanes, beside those that wait for a retry. */
	uint32_t window;
} chaos_history;

/* Appends to one of the lists; ends the program if memory runs out. */
#define chaos_append(list, ...)                                                                              \
	((list)->items = chaos_reserve((list)->items, &(list)->room, (list)->count, sizeof(*(list)->items)), \
	 (void)((list)->items[(list)->count++] = (__VA_ARGS__)))

/* Makes room for one more item; chaos_append uses it. */
void *chaos_reserve(void *items, size_t *room, size_t count, size_t size);

/*
 * Reads the files DIRECTORY/records.PID that the plugins chaos_record and chaos_transform wrote. 0, or -1 with a message on
 * stderr.
 */
int chaos_history_read_records(chaos_history *history, const char *directory);

/* Writes everything but the records, whose files are there already, as text files into DIRECTORY. */
void chaos_history_write(const chaos_history *history, const char *directory);

void chaos_history_fini(chaos_history *history);

#endif
