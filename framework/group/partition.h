/*
 * partition.h - the state of one partition in a member of a group.
 *
 * Only the I/O thread uses a seg_partition. A section that has the name of a file is written only by that file (`claim` by
 * claim.c); other files may read it. The hook `start` gets the partition and copies what a worker needs: constants, `own.epoch` and
 * `resume`. The worker itself touches only the handoff.
 */
#ifndef SEG_GROUP_PARTITION_H
#define SEG_GROUP_PARTITION_H

#include <segmenter/segmenter.h>

#include "base/log.h"
#include "partition/beyond.h"
#include "partition/ledger.h"
#include "partition/value_store.h"
#include "redis/route.h"
#include "partition/ownership.h"
#include "redis/reply.h"

struct seg_member;

/* With lanes: the most dead letters that no commit has covered. */
enum { SEG_LETTERED_MAX = 64 };

/* Room for what replicas, or Redis in their place, have said (acks.h), the NUL included. */
enum { SEG_ACKS_TEXT_MAX = 240 };

/* What a dead letter stands for: the message `last`; or a whole entry, perhaps of messages that nobody could read: the ids from `first` on. */
typedef struct seg_lettered {
	seg_id first, last;
} seg_lettered;

/* What a claim found: the position to resume from, and whether an owner died there. */
typedef struct seg_resume {
	seg_id position;
	uint32_t crashes;  /* owners in a row that died at this position */
	seg_id suspect;    /* the message that was marked last; {0,0}: none */
	uint32_t attempts; /* deaths that count against `suspect` */
	bool was_reading;
	seg_id reading;       /* was_reading: owners died while they read the entry after this id */
	uint32_t read_deaths; /* deaths that count against that entry */
	uint64_t run;         /* how often the group's messages began anew here, for outputs; 0: never */
	uint64_t entry_bytes; /* of the log's oldest or newest entry, whichever is larger; 0: unknown */
	seg_beyond beyond;    /* messages after the position that earlier owners have done */
	seg_lettered lettered[SEG_LETTERED_MAX]; /* of these, dead letters that no commit has covered */
	unsigned lettered_count;
} seg_resume;

/* What Redis may refuse to a member, as /readyz and the metrics tell it apart. */
typedef enum seg_refused {
	SEG_REFUSED_MEMBERSHIP, /* heartbeats; before the first one, to open the group */
	SEG_REFUSED_CLAIM,      /* from here on: to a partition */
	SEG_REFUSED_READ,
	SEG_REFUSED_COMMIT, /* commits, releases, dead letters and marks */
	SEG_REFUSED_KINDS
} seg_refused;

/* Room for "a commit: ERR ...", the NUL included; a longer text is cut. */
enum { SEG_REFUSED_TEXT_MAX = 300 };

typedef enum seg_reading {
	SEG_READING_NOT,
	SEG_READING_NOW,      /* a read of this partition alone is under way; Redis answers it at once */
	SEG_READING_BLOCKING, /* part of the blocking read under way, or of the next one */
} seg_reading;

typedef struct seg_partition {
	/* Constant. */
	struct seg_member *member;
	uint32_t number;
	char *log_key;
	char *state_key;
	char *dead_key;
	char *values_key;
	size_t log_key_length;
	uint16_t slot; /* of all its keys */

	seg_logger logger; /* its epoch follows the ownership: claim.c */
	seg_ownership own; /* all parts change it, through the events of ownership.h */
	seg_ledger ledger; /* read.c, commit.c, request.c and gap.c enter their results */
	seg_handoff handoff;
	void *user;    /* the hooks': their worker */
	bool may_rest; /* the hooks': while it has no message, its worker does nothing, or has no thread yet */

	unsigned notes; /* seg_partition_note bits: notes.c */

	/* The agent. */
	struct {
		bool active;    /* in the member's list `active` */
		bool running;   /* a worker was started, and the agent has not seen it stop */
		bool unsettled; /* the worker has stopped; its last position is neither committed nor lost */
		unsigned start_failures; /* in a row */
		int64_t start_at;        /* no worker is started before */
	} agent;

	struct {
		bool rests; /* not in the member's list `awake` */
	} rest;

	struct {
		bool heard; /* in the member's list of the same name */
	} brief;

	struct {
		seg_node node; /* of a cluster, that had the slot at the newest look; 0: none yet */
	} history;

	struct {
		bool known; /* the group exists on the log */
	} open_group;

	/* Of this ownership. */
	struct {
		bool served;     /* a worker handles the partition */
		bool failing;    /* it is known that none can, at this moment */
		bool given_back; /* for that */
	} shortage;
	/* What the member remembers of the group here, for a Redis that forgets: recall.c. */
	struct {
		bool seen;            /* it has been there */
		bool known;           /* so is its position */
		bool owned;           /* the position is ledger.committed, else the one below */
		bool sure;            /* no other member has owned the partition since */
		seg_id position;      /* where the group was when it was opened */
		bool told;            /* the log says that the group was made again, and where */
		int64_t unsure_since; /* Redis waits for a member that is sure; 0: it does not */
	} recall;

	uint64_t
		fenced_epoch; /* must not be claimed again: Redis has fenced it, or its log is gone. notes.c */

	struct {
		uint64_t doubted_epoch; /* must not be claimed: Redis may have lost later epochs */
	} membership;

	struct {
		char nonce[34];
		uint64_t nonce_epoch;
		unsigned in_flight;   /* claims without an answer: 0 or 1 */
		unsigned failures;    /* in a row */
		int64_t at;           /* no claim is sent before */
		bool values;          /* handlers have kept values for the partition */
		int64_t entries_read; /* how many entries, or records, the group had read; -1: unknown */
	} claim;
	seg_resume resume; /* claim.c writes it; constant while a worker runs */

	struct {
		seg_value_store *
			store; /* the worker's while one runs; NULL: none yet, or the member keeps no values */
		bool loaded;   /* it has all of them */
		bool busy;     /* a step is under way */
		uint64_t epoch;        /* of that step */
		char cursor[24];       /* where the next one begins */
		unsigned failures;     /* in a row */
		int64_t at;            /* no step is sent before */
		int64_t refused_at;    /* when it was known that they are of another kind; 0: they are not */
		int64_t denied_at;     /* when Redis first refused to let them be read; 0: it has not */
		unsigned incomplete;   /* readings in a row that brought another number than Redis counts */
		int64_t incomplete_at; /* the first of these; 0: none */
		/* As of the newest commit; any thread may read them. */
		atomic_bool shown;
		atomic_ullong bytes_shown, count_shown;
	} values; /* value_load.c's */

	struct {
		seg_reading reading;
		int64_t issued_at; /* of a read of this partition alone */
		bool stale;        /* the ownership of the read under way is over */
		bool heard;        /* some of its reply has come */
		unsigned losses;   /* reads that broke with their link, since the newest one of usual size */
		bool backlogged;   /* the log probably has more messages: read this partition alone */
		unsigned refusals; /* reads in a row that Redis refused */
		int64_t told_at;   /* when the newest refusal was logged */
		int64_t at; /* no read is issued before: linger, a pause after a refusal, or its turn */
		seg_entry_sink sink; /* of a read of this partition alone; fetch.c writes it */
	} read;

	struct {
		bool has_turn; /* the read that is wanted next has a turn: it comes at read.at */
	} pace;

	/* After deaths that no message explains. */
	struct {
		bool on;      /* entries are read one at a time */
		bool noted;   /* Redis has a note of the read under way */
		bool entered; /* its read is under way: seg_exclusion_read_begin */
	} careful_read;

	struct {
		bool rang;              /* the log has changed since the newest read, or may have */
		bool listens;           /* a read has begun that makes it ring */
		bool looked;            /* nothing rang, and the newest read made sure of that */
		int64_t at;             /* when to read it if it does not ring */
		int64_t interval;       /* ns; while it cannot ring */
		uint64_t fetched_count; /* ledger.fetched_count at the newest read */
		uint64_t rings;         /* how many rings were followed by a read */
	} doorbell;

	struct {
		bool busy;                     /* a commit or a release is under way */
		bool release;                  /* it is a release */
		bool looks;                    /* it counts messages that were removed unread */
		bool written;                  /* the master has done it; its replicas are being asked */
		bool ask;                      /* sent in this round: the replicas must be asked */
		struct seg_replica_wait *wait; /* the question that covers it, without an answer */
		uint64_t epoch;                /* these three: of the commit under way */
		seg_id id;
		uint64_t count;
		uint64_t done;   /* with lanes: seg_ledger_done when it was sent */
		uint64_t number; /* with lanes: of this ownership's commits, the newest one that was sent */
		uint64_t confirmed; /* and the newest one that counts */
		size_t changed;     /* the completions whose changes it has */
		int64_t sent_at;
		int64_t at;         /* no commit is sent before, unless much is uncommitted or it hurries */
		bool hurries;       /* the next commit is sent at once */
		int64_t look_pause; /* until the next look at a busy worker */
	} commit;

	/* With ack_replicas. */
	struct {
		int64_t missing_since; /* the replicas do not confirm commits; 0: they do, or nobody has asked */
		char text[SEG_ACKS_TEXT_MAX]; /* what they say */
	} acks;

	/* Commits and requests, which Redis may refuse as fenced. */
	struct {
		int64_t retry_at;  /* no call is sent before, because Redis refused one */
		unsigned refusals; /* in a row */
	} fenced_call;

	/* The newest call that Redis refused, and that has not succeeded since. */
	struct {
		const char *what; /* a constant text; NULL: there is none */
		seg_refused kind;
		int64_t since;
		int64_t all_since; /* this and the next as in seg_refusing */
		int status;
		char text[SEG_REFUSED_TEXT_MAX]; /* which call, and why */
	} refusal;

	/* What the handler has emitted for other streams. */
	struct {
		struct seg_output_queue *
			*queues; /* by the number among all targets' partitions; NULL: none yet */
		struct seg_output_queue *active; /* those with records, or a call under way */
		seg_completion
			*current; /* its records from number `queued` on are not in a queue yet; or NULL */
		size_t queued;
		size_t waiting;     /* records in all queues */
		bool holds;         /* the worker has stopped, and its outputs are waited for */
		int64_t hold_until; /* 0: that has not begun */
	} outputs;

	struct {
		bool busy;           /* a request is under way */
		uint64_t epoch;      /* of the request under way */
		seg_request current; /* the worker's request until its answer; else SEG_REQUEST_NONE */
		bool no_room;        /* the dead letters are at their limit: the letter waits for room */
		int64_t told_at;     /* seg_now() of the newest log line about that limit; 0: none */
		/* With lanes: */
		uint64_t letters; /* the number of the newest */
		struct {
			seg_lettered lettered;
			uint64_t commit;       /* commit.confirmed when it is covered */
		} uncovered[SEG_LETTERED_MAX]; /* dead letters that no commit has covered */
		unsigned uncovered_count;
	} request;

	struct {
		seg_hindrance newest; /* what hinders the partition */
		seg_hindrance
			retry;     /* the newest that the worker has told of, unless it is known to be over */
		bool outputs_wait; /* the log says so */
		bool told;         /* the hooks know it */
		bool changed, busy; /* Redis does not have it; it is being written */
		bool stored;        /* Redis has a note of this ownership */
		int64_t at;         /* none is written before */
		/* With lanes: the counts that Redis has of this ownership. */
		unsigned lanes_busy, slots_waiting;
		int64_t counts_at; /* no other counts are written before */
	} hindrance;

	/* Whether the group is still there while nothing is committed: presence.c. */
	struct {
		bool busy;      /* a look is under way */
		uint64_t epoch; /* of the look under way */
		int64_t at;     /* of the next look; 0: not set */
		uint64_t rings; /* doorbell.rings at the newest look, or when messages came */
	} presence;

	/* Messages that were removed from the log unread. */
	struct {
		bool busy;             /* a look is under way */
		uint64_t epoch;        /* of the look under way */
		uint64_t looked_count; /* ledger.fetched_count at the newest look */
		int64_t look_at;       /* when to look without a commit; 0: nothing to look for was noticed */
		int64_t commit_at;     /* no commit looks before */
		uint64_t found; /* records of a packed stream that are missing, and not stored in Redis yet */
		int64_t found_upto; /* up to the record of this number */
		uint64_t storing;   /* how many of them the call under way stores */
		uint64_t told; /* how many of this ownership's have been logged, by earlier owners, too */
	} gap;
} seg_partition;

/* Whether owners died here as if a message killed them: `deaths` owners in a row, or one that had marked a message. */
static inline bool seg_partition_is_suspicious(const seg_partition *partition, uint32_t deaths)
{
	return partition->resume.crashes >= deaths ||
	       seg_id_compare(partition->resume.suspect, (seg_id){0, 0}) > 0;
}

/*
 * The deaths that count against a message that is to be handled alone for the first time: those before the isolation, at most
 * `most`. If the last owner died of another message, none.
 */
static inline uint32_t seg_resume_deaths(const seg_resume *resume, uint32_t most)
{
	if (seg_id_compare(resume->suspect, (seg_id){0, 0}) > 0)
		return 0;
	return resume->crashes < most ? resume->crashes : most;
}

/* What seg_partition_init needs from the member. It copies the texts; member and limits must outlive the partition. */
typedef struct seg_partition_setup {
	struct seg_member *member;
	const char *name_space;
	const char *stream;
	const char *group;
	seg_logger logger; /* the member's */
	const seg_ledger_limits *limits;
	seg_stock *stock;
} seg_partition_setup;

/* 0 or SEG_ENOMEM. */
int seg_partition_init(seg_partition *partition, const seg_partition_setup *setup, uint32_t number);
void seg_partition_fini(seg_partition *partition);

#endif
