/*
 * state.h - the state of a member of a group: its options, its counters, and its parts.
 *
 * A member has one thread, the agent (agent.c). In each round the agent polls its connections and a waker, runs the step of each
 * part, acts on the parts' notes (notes.h), and sleeps until the next event or timer. The connections are
 *
 *     control      heartbeats, claims, commits: small calls with small answers. Redis answers them in order, so nothing large may
 *                  be before them: on a slow link, a lease would end while its heartbeat waits for megabytes of messages
 *     data         reads that Redis answers at once, and dead letters that carry their message
 *     blocking     the blocking read; not used on a cluster
 *     commits      with ack_replicas, commits go here instead: Redis answers nothing else on a connection that waits for replicas
 *     outputs      with outputs: what the handler emits for other streams
 *
 * The parts are
 *
 *     history      checks whether all connections reach one Redis, and whether it is the one that the member has read from
 *     open_group   creates the group on every partition's log
 *     membership   joins, sends heartbeats, and takes the share of partitions
 *     claim        raises the fence of an assigned partition
 *     value_load   reads what handlers have kept for it
 *     fetch        reads the logs, through read (one partition) and blocking_read (many, and the control stream); or through
 *                  read and doorbell
 *     pace         spaces large reads, far from Redis
 *     careful_read reads one entry at a time, after deaths that no message explains
 *     commit       commits positions and releases partitions
 *     acks         with ack_replicas, asks the replicas whether they have what was written
 *     request      sends marks and dead letters
 *     outputs      adds to other streams what the handler emits, through output_queue
 *     gap          finds messages that were removed unread
 *     rest         passes over partitions to which nothing happens
 *     brief        lets most rounds only read on
 *     shortage     gives back what cannot be served here
 *     roll         logs which partitions came and went
 *     hindrance    notes in Redis what keeps a partition from going on
 *     presence     notices that a group has vanished with its log
 *     recall       remembers where the group was, for a Redis that forgets
 *     refusal      logs what Redis refuses, without flooding the log, and shows it to /readyz
 *     stop         drains the partitions, leaves the group, and lets the thread end
 *
 * A section below that has the name of a file is written only by that file. The agent calls the parts. They call each other only so:
 *
 *     fetch         -> read, careful_read, blocking_read, doorbell, pace
 *     blocking_read -> read
 *     read          -> careful_read, gap, brief, pace
 *     doorbell      -> rest, brief
 *     presence      -> doorbell
 *     commit        -> gap, acks, value_load, recall, changes
 *     request       -> commit, acks
 *     outputs       -> output_queue
 *     output_queue  -> acks
 *     hindrance     -> outputs
 *     claim         -> recall
 *     open_group    -> recall
 *     value_load    -> shortage
 *     membership    -> shortage, roll, recall
 *     stop          -> membership
 *
 * Any part may call these, which only call each other: notes, refusal, history (may this connection be used?), and fenced_call
 * (calls that carry the owner's epoch).
 */
#ifndef SEG_GROUP_STATE_H
#define SEG_GROUP_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/page_url.h"
#include "base/clock.h"
#include "base/durations.h"
#include "group/beat.h"
#include "group/partition.h"
#include "redis/route.h"
#include "stream/client.h"

/* Called on the I/O thread; they must not block for long. */
typedef struct seg_member_hooks {
	void *arg;
	/* The partition is claimed: start to handle it from partition->resume on. Returns 0; negative: the member tries again. */
	int (*start)(void *arg, seg_partition *partition);
	/* The handoff now demands that the worker stops. May be NULL. */
	void (*demand)(void *arg, seg_partition *partition, seg_demand demand);
	/* The newest request in the handoff has its answer. May be NULL. */
	void (*answered)(void *arg, seg_partition *partition);
	/* The worker called seg_handoff_stopped: join its thread and forget the handoff. */
	void (*finish)(void *arg, seg_partition *partition);
	/* After finish: the last position is committed, or the ownership was lost first. May be NULL. */
	void (*settled)(void *arg, seg_partition *partition);
	/* Called in every round for each partition with a worker. Returns when the next call is due (seg_now()). May be NULL. */
	int64_t (*check)(void *arg, seg_partition *partition, int64_t now);
	/* What hinders the partition (partition->hindrance.newest) has changed. May be NULL. */
	void (*hindered)(void *arg, seg_partition *partition);
	/* After seg_member_report: log a line about the partition. May be NULL. */
	void (*report)(void *arg, const seg_partition *partition, int64_t now);
	/* The member has failed for good (another process took its name over) and is stopping its workers. May be NULL. */
	void (*fatal)(void *arg, const seg_error *error);
} seg_member_hooks;

/* Which values handlers may keep: seg_state_put. */
typedef enum seg_keep {
	SEG_KEEP_NOTHING,
	SEG_KEEP_BY_PARTITION,
	SEG_KEEP_BY_SLOT, /* with `parallel` above 1 */
} seg_keep;

typedef struct seg_member_options {
	const char *group;
	const char *name;
	const char
		*incarnation; /* of a member that has paused and ended, whose successor this is; NULL: none */
	const char *page;     /* the URL of its page, for people who look at the group; copied; NULL: none */
	uint32_t capacity; /* relative to the other members' capacity: decides the share of the partitions */
	seg_ledger_limits limits;
	seg_start start;
	int64_t session_timeout; /* ns */
	int64_t commit_interval; /* ns */
	uint32_t isolate_after;  /* deaths in a row after which messages are handled one at a time */
	uint32_t read_deaths;    /* deaths while an entry was read, after which it is faulty; 0: no limit */
	seg_keep values;
	int64_t linger;             /* ns; the pause after a read that returned less than a batch */
	uint64_t dead_letter_limit; /* letters that a partition keeps; 0: any number */
	seg_dead_letters dead_letters;
	seg_stream *const *
		outputs; /* to which the handler may emit; the array is copied, the streams outlive the member */
	size_t output_count;
	seg_idle idle;           /* how the I/O thread waits */
	ck_ec32_t *shared_event; /* the event of all partitions' handoffs; NULL: each handoff has its own */
	seg_member_hooks hooks;
} seg_member_options;

/* The I/O thread writes them; any thread may read them. */
typedef struct seg_member_counters {
	atomic_ullong fetched, committed, commits, dead_letters, fenced, rebalances, heartbeats, claims;
	atomic_ullong rewinds; /* claims that found an older position than this process had committed */
	atomic_ullong lost;    /* messages that were removed from the log before they were read */
	atomic_ullong refused[SEG_REFUSED_KINDS]; /* error answers of Redis: refusal.c */
	seg_durations committing;                 /* from sending a commit to Redis's OK */
} seg_member_counters;

typedef enum seg_stopping { SEG_STOP_NOT, SEG_STOP_DRAIN, SEG_STOP_NOW } seg_stopping;

/* A pause: the member gives up its partitions in Redis, but stays their owner in the group, for a successor. */
typedef enum seg_pausing {
	SEG_PAUSE_NOT,
	SEG_PAUSE_DRAIN, /* it sends heartbeats, and handles nothing */
	SEG_PAUSE_END,   /* once all is released, the thread ends, without leaving the group */
} seg_pausing;

/* How long SEG_STOP_NOW waits for Redis: with a leave, other members get the partitions before the session timeout. */
#define SEG_STOP_PATIENCE (50 * SEG_MS)

typedef enum seg_phase {
	SEG_PHASE_OPENING, /* the group is being created on every partition */
	SEG_PHASE_JOINING,
	SEG_PHASE_MEMBER,
	SEG_PHASE_LEAVING, /* the leave is under way */
	SEG_PHASE_GONE,
} seg_phase;

/* Refusals that are alike: refusal.c's. */
typedef struct seg_refusal {
	const char *what; /* the kind of call; NULL: none yet */
	char start[96];   /* of why */
	int64_t told_at;  /* 0: not yet */
	unsigned untold;  /* since then */
} seg_refusal;

enum { SEG_REFUSALS_MAX = 8 };

/* With more nodes than that, some of them are not paced. */
enum { SEG_PACE_NODES = 16, SEG_PACE_TIMES = 8, SEG_PACE_READS = 64 };

/* The large reads from one node: pace.c's. */
typedef struct seg_pace {
	seg_node node;
	int64_t next_turn;             /* seg_now(): no read that takes turns is issued before */
	unsigned count;                /* of reads that have ended */
	int64_t times[SEG_PACE_TIMES]; /* ns of Redis for a message, by the newest of them */
	struct {
		int64_t at;
		size_t messages;
	} ended[SEG_PACE_READS];
} seg_pace;

/* What Redis refuses at this moment, of one kind, as any thread may see it. */
typedef struct seg_refusing {
	uint32_t partitions;  /* so many are concerned */
	int64_t newest_since; /* seg_now() at which the last of them began to be refused */
	int64_t all_since; /* since then, one of them has got answers that are about all partitions, such as a right that is missing, and none about its key or node; SEG_NEVER: none has */
	/* Of that one, if a session_timeout has passed since then; else of the one that began to be refused first: */
	uint32_t partition;
	int64_t since; /* seg_now() of the first refusal in a row; 0: nothing of this kind is refused */
	int status;    /* of the newest, a seg_status; 0: that one may pass by itself, as in a failover */
	char text[SEG_REFUSED_TEXT_MAX]; /* the newest: which call, and why */
} seg_refusing;

typedef enum seg_link {
	SEG_LINK_CONTROL,
	SEG_LINK_DATA,
	SEG_LINK_BLOCKING,
	SEG_LINK_COMMITS,
	SEG_LINK_OUTPUTS,
	SEG_LINKS,
} seg_link;

/* What a server tells of its history. "" if the login may not ask. */
typedef struct seg_server_ids {
	char run_id[48];
	char replication_id[48];
} seg_server_ids;

struct seg_member_link;

/* A server that a link has reached: history.c's. */
typedef struct seg_link_node {
	struct seg_member_link *link;
	seg_node node;
	bool told; /* since the newest connect, the server has told its ids */
	seg_server_ids ids;
	unsigned generation; /* of the ids: two nodes have the same if their ids are the same */
	bool known;          /* of control: `seen` was told once */
	seg_server_ids seen;
} seg_link_node;

/* A route of the member, and the servers that it has reached. history.c writes all but member and route. */
typedef struct seg_member_link {
	struct seg_member *member;
	seg_route *route;      /* NULL: the member does without this connection */
	seg_link_node **nodes; /* by the route's number; NULL: never connected */
	uint32_t count;
	unsigned slot_changes; /* seg_route_changes at the newest look */
} seg_member_link;

typedef struct seg_member {
	/* Constant. */
	seg_stream *stream;
	seg_member_options options;
	char group[SEG_NAME_MAX + 1];
	char name[SEG_NAME_MAX + 1];
	char page[SEG_PAGE_URL_MAX];      /* "": none */
	char incarnation[33];             /* tells this member from others of the same name */
	char start_text[SEG_ID_TEXT_MAX]; /* where a new group begins: "0", "$" or an id */
	uint16_t control_slot;            /* of the keys below: they have one slot */
	char *members_key, *leases_key, *partitions_key, *control_key, *groups_key, *info_key;
	seg_logger logger;
	pthread_t thread;

	/* Any thread. */
	seg_waker waker;
	atomic_int pause;    /* a seg_pausing */
	atomic_bool drained; /* while it pauses: all partitions are released; or the thread has ended */
	atomic_int stop;     /* a seg_stopping */
	_Alignas(64) atomic_llong lease_until; /* seg_now() at which the lease ends: membership.c */
	seg_member_counters counters;
	struct {
		pthread_mutex_t lock;
		char reason[256];   /* under the lock: why partitions are not served; "": all are */
		atomic_bool shown;  /* there is a reason */
		atomic_uint served; /* partitions */
		/* Only the I/O thread: */
		int64_t limit; /* of the partitions that the member takes; -1: none */
		int64_t lowered_at;
		int64_t told;      /* the lowest limit that the log tells of; -1: none */
		unsigned why;      /* a seg_shortage */
		int64_t at;        /* of the next trial with a higher limit */
		unsigned failures; /* trials in a row, the first failure included */
		int64_t step;      /* by which a trial raises the limit */
		bool raised;       /* since the newest failure */
		int64_t raised_at;
	} shortage;
	struct {
		pthread_mutex_t lock;
		seg_refusing shown[SEG_REFUSED_KINDS]; /* under the lock */
		atomic_llong
			succeeded_at; /* while a partition's calls are refused: the newest COMMIT that was not */
		/* Only the I/O thread: */
		bool watched; /* some partition may have a refusal */
		seg_refusal logged[SEG_REFUSALS_MAX];
	} refusals;           /* refusal.c's */
	atomic_uint awaiting; /* callers that wait for commits (seg_member_await_commits) */
	atomic_bool starved;  /* a caller lacks memory (seg_member_starve) */
	atomic_bool report;   /* seg_member_report was called, and the report has not begun */
	atomic_ullong rounds; /* of the I/O thread, which lives while this number rises */

	/* --- only the I/O thread --- */

	seg_phase phase; /* agent.c and stop.c change it, on the parts' notes */
	/* The connections, and the links that they belong to. */
	seg_route *control, *data, *blocking;
	seg_member_link links[SEG_LINKS];
	seg_member_link *commits; /* the link of control, or one of their own */
	seg_poll_set polled;      /* agent.c */
	seg_partition *partitions;
	seg_stock stock;
	uint32_t partition_count;
	seg_partition **active; /* those that are not SEG_OWN_NONE, or have just become so: agent.c */
	uint32_t active_count;
	seg_partition **awake; /* of these, the ones that rounds look at: rest.c */
	uint32_t awake_count;

	/* Notes that the agent has not acted on yet. */
	struct {
		unsigned what;     /* seg_note bits */
		uint64_t epoch;    /* the newest that this member has seen in any partition */
		seg_error failure; /* of SEG_NOTE_REPLACED */
	} notes;

	struct {
		int64_t sweep_at; /* all partitions wake */
		int64_t due;      /* the first of those that rest needs a step */
	} rest;

	struct {
		/* Since the newest round: their reads have ended, or their logs have rung. */
		seg_partition **heard;
		uint32_t count;
		int64_t ends_at; /* no round after that is a brief one */
	} brief;

	struct {
		bool *told; /* by partition: whether the log's newest line counts it as this member's */
		int64_t first, last; /* seg_now() of changes that no line tells of; 0: there are none */
	} roll;

	seg_pace paces[SEG_PACE_NODES];

	struct {
		bool fatal;  /* the member has failed for good */
		bool spins;  /* idle = spin, and a CPU is spare for this thread */
		bool brief;  /* the newest round was a brief one */
		bool polled; /* the links' descriptors have been polled since the newest round */
		bool kicked; /* by the waker, since then */
	} agent;

	struct {
		int pause;  /* the newest that stop.c has seen */
		bool told;  /* stop.c has seen the stop: a heartbeat tells the coordinator */
		int64_t by; /* of SEG_STOP_NOW without workers: the end of the wait for Redis; 0: not begun */
	} stop_state;       /* stop.c's */

	struct {
		seg_server_ids ids; /* of the newest server that control has reached */
		seg_node
			control_node; /* had the control slot at the newest look; 0: none yet, or no cluster */
		/* The control slot has left this node, and it is not known yet whether it was migrated; 0: none. */
		seg_node moved_from;
		int64_t clear_by;     /* then: in doubt from this time on */
		unsigned generations; /* the newest that was given to a link's node */
		/* Since the start: how often the server of the membership may have lost its newest writes. */
		unsigned changes;
	} history;

	struct {
		uint32_t waits; /* with ack_replicas: questions to replicas without an answer */
		seg_beat beat;
		bool awaited; /* as the newest full round has seen it: a caller waits for commits */
	} commit;

	struct {
		bool told; /* the log says that replicas are missing */
	} acks;

	struct {
		bool wanted;    /* some partitions' groups may not exist */
		bool is_turn;   /* this member opens them; else it asks first whether that has been done */
		bool asking;    /* the question is under way */
		uint32_t sent;  /* calls under way */
		int64_t at;     /* no call is sent before */
		unsigned tries; /* on this connection */
		int64_t since;  /* of the first try; 0: none yet */
	} open_group;

	struct {
		bool busy;   /* a heartbeat is under way */
		bool wanted; /* a heartbeat is due now */
		unsigned
			history; /* of the newest share, or when the member was dropped: `asked` of that heartbeat */
		unsigned asked;    /* history.changes when the newest heartbeat was sent */
		int64_t at;        /* when the next heartbeat is due, if none is wanted before */
		int64_t sent_at;   /* of the newest heartbeat */
		unsigned failures; /* heartbeats in a row */
		uint64_t
			generation; /* of the assignment that the newest share belongs to; 0: ask for the whole share */
		/* While another process has this name: */
		int64_t taken_until; /* the end of its lease, in Redis's ms; 0: it has not */
		int64_t taken_look;  /* seg_now() at which it counts as dead, unless its lease was renewed */
		bool replaces;       /* it is dead: the next join replaces it */
		int64_t expiry_told; /* the lease whose end was logged: its lease_until */
		char refusal
			[SEG_EXPLANATION_MAX]; /* why Redis refused the newest heartbeat; "": it did not */
		uint32_t *reporting;           /* partitions whose release the heartbeat under way reports */
		uint32_t reporting_count;
	} membership;

	struct seg_blocking_read *blocking_read; /* blocking_read.c's */
	struct seg_doorbell *doorbell;           /* doorbell.c's */
	struct seg_outputs *outputs;             /* outputs.c's; NULL: the section has none */
} seg_member;

#endif
