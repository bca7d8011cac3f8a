/*
 * member.h - one member of one group: a thread that joins, heartbeats, claims, fetches and commits.
 *
 * The thread is an agent in a duty cycle (member.c): it polls its two connections and its waker, lets each part
 * do what is due (coordinate.c, fetch.c, commit.c), and sleeps until the next event or timer. Whoever handles the
 * messages (segrunner's workers, the pull consumer) is told through the hooks, and meets it only in the handoffs.
 */
#ifndef SEG_GROUP_MEMBER_H
#define SEG_GROUP_MEMBER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/durations.h"
#include "partition/partition.h"
#include "redis/connection.h"
#include "stream/client.h"

/* Called on the I/O thread; they must not block for long. */
typedef struct seg_member_hooks {
	void *arg;
	/* The partition is claimed, partition->resume says where: start handling. 0, or negative: tried again. */
	int (*start)(void *arg, seg_partition *partition);
	/* A demand to stop was put into the handoff. May be NULL. */
	void (*demand)(void *arg, seg_partition *partition, seg_demand demand);
	/* seg_handoff_stopped was called: join the thread, forget the handoff. */
	void (*finish)(void *arg, seg_partition *partition);
	/* Called for each running partition in every round; returns when it wants the next. May be NULL. */
	int64_t (*check)(void *arg, seg_partition *partition, int64_t now);
	/* This member can never go on (its name was taken over, say); it has stopped its workers. */
	void (*fatal)(void *arg, const seg_error *error);
	/* Asked for by seg_member_report: writes a line about the partition. May be NULL. */
	void (*report)(void *arg, const seg_partition *partition, int64_t now);
	/* After finish: what was handled last is committed, or the ownership was lost before. May be NULL. */
	void (*settled)(void *arg, seg_partition *partition);
} seg_member_hooks;

typedef struct seg_member_options {
	const char *group;
	const char *name;
	uint32_t capacity;
	uint32_t batch_size;
	uint64_t in_flight_bytes;
	uint32_t in_flight_batches;
	seg_start start;
	int64_t session_timeout; /* these are ns */
	int64_t commit_interval;
	int64_t linger;
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
	char incarnation[33];
	char start_text[SEG_ID_TEXT_MAX];
	char *members_key, *leases_key, *partitions_key, *control_key, *groups_key;
	seg_logger logger;
	pthread_t thread;

	/* Any thread. */
	seg_waker waker;
	atomic_int stop;                       /* a seg_stopping */
	_Alignas(64) atomic_llong lease_until; /* the I/O thread's; workers read it */
	seg_member_counters counters;
	atomic_bool report;   /* asked for, and not begun yet */
	atomic_ullong rounds; /* of the I/O thread: it lives while they rise */

	/* The I/O thread's. */
	seg_phase phase;
	seg_connection *data; /* heartbeats, claims, hot reads, commits */
	seg_connection *wait; /* the blocking read */
	seg_partition *partitions;
	uint32_t partition_count;
	seg_partition **active; /* those that are not NONE, and maybe some that just became it */
	uint32_t active_count;
	uint32_t to_open;    /* partitions whose group is not known to exist */
	uint32_t open_sent;  /* of them, asked for */
	int64_t open_at;     /* not before */
	unsigned open_tries; /* on this connection */
	bool fatal;
	bool draining;   /* the stop was told to the coordinator */
	int64_t stop_by; /* SEG_STOP_NOW, and no worker is left: Redis is waited for until then */

	/* coordinate.c */
	bool heartbeat_busy;
	bool heartbeat_wanted;
	int64_t heartbeat_at;
	int64_t heartbeat_sent_at;
	unsigned heartbeat_failures;
	uint64_t generation; /* the newest whose share we know */
	uint32_t owned;
	uint32_t *reporting; /* partitions whose release the heartbeat under way reports */
	uint32_t reporting_count;

	/* fetch.c */
	struct seg_wait *waiting;

	/* member.c: which Redis this is, to notice another history */
	char run_id[48];
	char replication_id[48];
	bool history_wanted; /* until it is known, nothing is read or committed */
	bool history_known;
	bool history_doubted; /* what is assigned may be what was before Redis has lost its newest writes */
} seg_member;

/*
 * Starts the member's thread. The stream and what the options point to outlive it. 0, SEG_ENOMEM or SEG_ESYSTEM.
 */
int seg_member_open(seg_stream *stream, const seg_member_options *options, seg_member **member,
		    seg_error *error);

/* How long a stop at once waits for Redis, so that the partitions need not wait for the session timeout. */
#define SEG_STOP_PATIENCE (50 * SEG_MS)

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

/* --- between the parts of a member, I/O thread only --- */

/* Does what the partition's ownership asks for next. */
void seg_member_step(seg_member *member, seg_partition *partition, int64_t now);

/* Takes note that the partition is not NONE any more. */
void seg_member_activate(seg_member *member, seg_partition *partition);

/* Whether positions may be written: Redis is there, and known to have the history that we read. */
bool seg_member_may_write(const seg_member *member);

/* The epoch of that partition is over. */
void seg_member_lost(seg_member *member, seg_partition *partition, const char *why);

/* It can never go on. */
void seg_member_fail(seg_member *member, const seg_error *error);

#endif
