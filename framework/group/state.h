/*
 * state.h - what a member of a group consists of: its options, its counters, and the state of its parts.
 *
 * A member is one thread, the agent (agent.c), in a duty cycle: it polls two connections and a waker, lets each part do
 * what is due, acts on what the parts have noticed (notes.h), and sleeps until the next event or timer. The parts are
 *
 *     history      is this still the Redis that we have read from?
 *     open_group   the group exists on every partition's log
 *     membership   joining, heartbeats, and who owns what
 *     claim        raises the fence of a partition that was assigned
 *     fetch        reads the logs, on read (one partition's) and blocking_read (many, with the control stream)
 *     commit       positions;  request: marks and dead letters
 *     gap          messages that were removed unread
 *
 * A section below that bears a file's name is written by that file alone. Parts do not call each other.
 */
#ifndef SEG_GROUP_STATE_H
#define SEG_GROUP_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/durations.h"
#include "group/partition.h"
#include "redis/connection.h"
#include "stream/client.h"

/* Called on the I/O thread; they must not block for long. */
typedef struct seg_member_hooks {
	void *arg;
	/* The partition is claimed, partition->resume says where: start handling. 0, or negative: tried again. */
	int (*start)(void *arg, seg_partition *partition);
	/* A demand to stop was put into the handoff. May be NULL. */
	void (*demand)(void *arg, seg_partition *partition, seg_demand demand);
	/* The newest request in the handoff was answered. May be NULL. */
	void (*answered)(void *arg, seg_partition *partition);
	/* seg_handoff_stopped was called: join the thread, forget the handoff. */
	void (*finish)(void *arg, seg_partition *partition);
	/* After finish: what was handled last is committed, or the ownership was lost before. May be NULL. */
	void (*settled)(void *arg, seg_partition *partition);
	/* Called for each running partition in every round; returns when it wants the next (seg_now()). May be NULL. */
	int64_t (*check)(void *arg, seg_partition *partition, int64_t now);
	/* Asked for by seg_member_report: logs a line about the partition. May be NULL. */
	void (*report)(void *arg, const seg_partition *partition, int64_t now);
	/* This member can never go on (its name was taken over, say); its workers are being stopped. May be NULL. */
	void (*fatal)(void *arg, const seg_error *error);
} seg_member_hooks;

typedef struct seg_member_options {
	const char *group;
	const char *name;
	uint32_t capacity; /* of this member, beside the others': its share of the partitions */
	seg_ledger_limits limits;
	seg_start start;
	int64_t session_timeout; /* ns, as those below */
	int64_t commit_interval;
	int64_t linger;          /* after a read that brought less than a batch */
	seg_idle idle;           /* of the I/O thread */
	ck_ec32_t *shared_event; /* what pushes count up, for all partitions; NULL: each its own */
	seg_member_hooks hooks;
} seg_member_options;

/* Written by the I/O thread, read by any. */
typedef struct seg_member_counters {
	atomic_ullong fetched, committed, commits, dead_letters, fenced, rebalances, heartbeats, claims;
	atomic_ullong rewinds;    /* Redis had forgotten commits */
	atomic_ullong lost;       /* messages that were removed from the log before they were read */
	seg_durations committing; /* from sending a commit to Redis's OK */
} seg_member_counters;

typedef enum seg_stopping { SEG_STOP_NOT, SEG_STOP_DRAIN, SEG_STOP_NOW } seg_stopping;

/* How long a stop at once waits for Redis, so that the partitions need not wait for the session timeout. */
#define SEG_STOP_PATIENCE (50 * SEG_MS)

typedef enum seg_phase {
	SEG_PHASE_OPENING, /* the group is being created on every partition */
	SEG_PHASE_JOINING,
	SEG_PHASE_MEMBER,
	SEG_PHASE_LEAVING, /* the last call is under way */
	SEG_PHASE_GONE,
} seg_phase;

typedef struct seg_member {
	/* Constant. */
	seg_stream *stream;
	seg_member_options options;
	char group[SEG_NAME_MAX + 1];
	char name[SEG_NAME_MAX + 1];
	char incarnation[33];             /* of this process's member, beside others of the same name */
	char start_text[SEG_ID_TEXT_MAX]; /* where the group begins if it does not exist: "0", "$" or an id */
	char *members_key, *leases_key, *partitions_key, *control_key, *groups_key;
	seg_logger logger;
	pthread_t thread;

	/* Any thread. */
	seg_waker waker;
	atomic_int stop;                       /* a seg_stopping */
	_Alignas(64) atomic_llong lease_until; /* membership.c's; workers read it: seg_now() */
	seg_member_counters counters;
	atomic_bool report;   /* asked for, and not begun yet */
	atomic_ullong rounds; /* of the I/O thread: it lives while they rise */

	/* --- the I/O thread's --- */

	seg_phase phase;          /* agent.c's and stop.c's: the parts take notes of what moves it on */
	seg_connection *data;     /* heartbeats, claims, reads that answer at once, commits */
	seg_connection *blocking; /* the blocking read */
	seg_partition *partitions;
	uint32_t partition_count;
	seg_partition **active; /* agent.c's: those that are not NONE, and maybe some that just became it */
	uint32_t active_count;

	/* What the parts have noticed and the agent has not acted on yet: notes.c. */
	struct {
		unsigned what;     /* seg_note bits */
		seg_error failure; /* of SEG_NOTE_REPLACED */
	} notes;

	struct {
		bool fatal; /* the member ended by itself */
	} agent;

	struct {
		bool told;  /* the coordinator is to hear of it with the next heartbeat */
		int64_t by; /* SEG_STOP_NOW, and no worker is left: Redis is waited for until then */
	} stop_state;       /* stop.c's */

	struct {
		char run_id[48];
		char replication_id[48];
		bool wanted; /* until the history is known, nothing is read or committed */
		bool known;
		unsigned changes; /* since the start: how often Redis may have lost its newest writes */
	} history;

	struct {
		uint32_t unknown; /* partitions whose group is not known to exist */
		uint32_t sent;    /* of these, calls under way */
		int64_t at;       /* not before */
		unsigned tries;   /* on this connection */
	} open_group;

	struct {
		bool busy;        /* a heartbeat is under way */
		bool wanted;      /* one is due, whatever the time */
		unsigned history; /* history.changes at the newest share, or at a new start */
		int64_t at;       /* the next heartbeat */
		int64_t sent_at;
		unsigned failures;   /* heartbeats in a row */
		uint64_t generation; /* the newest whose share we know; 0: none */
		uint32_t owned;      /* partitions of the newest share */
		uint32_t *reporting; /* partitions whose release the heartbeat under way reports */
		uint32_t reporting_count;
	} membership;

	struct seg_blocking_read *blocking_read; /* blocking_read.c's */
} seg_member;

/* Whether positions may be written: Redis is there, and known to have the history that we read. */
static inline bool seg_member_may_write(const seg_member *member)
{
	return seg_connection_ready(member->data) && !member->history.wanted;
}

#endif
