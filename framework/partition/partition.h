/*
 * partition.h - one partition of the stream, as a member of a group sees it.
 *
 * Everything but the handoff belongs to the member's I/O thread. The functions here keep the books of what was
 * fetched, is being handled, and was handled; they do no I/O. Fetching is fetch.c, committing commit.c.
 *
 *     fetched    the newest id that was read from the log
 *     handled    the newest id that the worker is done with, in order
 *     committed  the newest position that Redis has answered for
 */
#ifndef SEG_PARTITION_PARTITION_H
#define SEG_PARTITION_PARTITION_H

#include <segmenter/segmenter.h>

#include "base/log.h"
#include "partition/handoff.h"
#include "partition/ownership.h"

struct seg_member;

/* What a claim found: where to go on, and whether somebody died there. */
typedef struct seg_resume {
	seg_id position;
	uint32_t crashes;  /* owners in a row that died at this position */
	seg_id suspect;    /* the message that was marked when the last one died; {0,0} for none */
	uint32_t attempts; /* how often it was marked */
} seg_resume;

typedef enum seg_reading {
	SEG_READING_NOT,
	SEG_READING_HOT,  /* a read is under way that answers at once */
	SEG_READING_WAIT, /* part of the blocking read */
} seg_reading;

typedef struct seg_partition {
	/* Constant. */
	struct seg_member *member;
	uint32_t number;
	char *log_key;
	char *state_key;
	char *dead_key;
	size_t log_key_length;
	seg_logger logger; /* its epoch follows the ownership */

	/* Ownership. */
	seg_ownership own;
	bool active;     /* in the member's list */
	bool group_open; /* the group is known to exist on the log */
	char nonce[33];
	uint64_t nonce_epoch;
	uint64_t doubted_epoch; /* there may have been later ones, which Redis has lost: not to be claimed */
	unsigned claims_in_flight; /* only the newest one's answer counts */
	unsigned claim_failures;
	int64_t claim_at;
	seg_resume resume; /* constant while a worker runs */
	bool running;      /* a worker was started and its stop not yet seen */
	bool unsettled;    /* from then on, until its last position is committed or the ownership lost */

	/* Position. */
	seg_id fetched;
	seg_id handled;
	seg_id committed;
	uint64_t fetched_count; /* messages of this ownership */
	uint64_t handled_count;
	int64_t entries_read; /* of the group, at the claim; -1: unknown */

	/* Fetch. */
	seg_reading reading;
	bool read_stale; /* the read under way belongs to an ownership that is over */
	size_t asked;    /* entries, by the read under way */
	bool hot;        /* the last read brought a full batch: the next need not wait */
	bool full;       /* the last read brought all that was asked for */
	size_t packed;   /* messages of an entry, lately; 1 where records are not packed */
	int64_t read_at; /* not before: linger */
	seg_buffer *target;
	size_t average_bytes; /* of a message, lately */

	/* Commit. */
	bool commit_busy;
	uint64_t commit_epoch; /* what the commit under way is about */
	seg_id commit_id;
	int64_t commit_sent_at;
	uint64_t commit_count;
	int64_t commit_at;  /* not before, unless much is uncommitted */
	int64_t retry_at;   /* not before: Redis refused */
	int64_t look_pause; /* until the next look at a busy worker */
	unsigned refusals;  /* in a row, of what does not pass by itself */
	bool request_busy;
	uint64_t request_epoch;
	seg_request request; /* under way */

	/* Gaps: entries of the log that were removed unread. See gap.h. */
	struct {
		bool busy;
		uint64_t epoch;        /* what the look under way is about */
		uint64_t looked_count; /* fetched_count at the newest look */
		uint64_t entries;      /* found in this ownership */
		int64_t look_at;       /* not before */
	} gap;

	/* Buffers: with the worker in the order of their messages, and empty ones. */
	seg_buffer *outstanding[SEG_HANDOFF_BUFFERS];
	unsigned outstanding_head, outstanding_count;
	seg_buffer *spare[SEG_HANDOFF_BUFFERS];
	unsigned spare_count;
	unsigned buffer_count;
	size_t outstanding_bytes;

	void *user; /* of the hooks: the worker */
	seg_handoff handoff;
} seg_partition;

/* Whether owners died here in a way that suggests a message that kills: two of them, or one with a message marked. */
static inline bool seg_partition_is_suspicious(const seg_partition *partition)
{
	return partition->resume.crashes >= 2 || partition->resume.attempts > 0;
}

/* 0 or SEG_ENOMEM. */
int seg_partition_init(seg_partition *partition, struct seg_member *member, uint32_t number);
void seg_partition_fini(seg_partition *partition);

/* A new ownership begins at resume->position. No worker runs. */
void seg_partition_begin(seg_partition *partition, const seg_resume *resume, int64_t entries_read);

/* Its worker has stopped: takes all buffers back. */
void seg_partition_end(seg_partition *partition);

/* Handled, and not known to be committed. */
uint64_t seg_partition_uncommitted(const seg_partition *partition);

/*
 * How many messages may be read and not yet be committed: batch_size * in_flight_batches. So many, at most, are handled
 * again after a crash.
 */
uint64_t seg_partition_window(const seg_partition *partition);

/* An empty buffer to read into, kept in partition->target; false if there is none now, or no room in the window. */
bool seg_partition_ready_target(seg_partition *partition);

/* How many entries the next read should ask for: a batch's, or what fits the window and the bound on bytes. */
size_t seg_partition_read_count(const seg_partition *partition);

/* A read for that many entries, from what was fetched on, is on its way into the target. */
void seg_partition_asked(seg_partition *partition, size_t entries);

/* Hands the filled target to the worker; an empty one stays the target. Returns the number of messages. */
size_t seg_partition_deliver(seg_partition *partition);

/* Takes note of what the worker has done. Returns whether the position has moved since the last commit. */
bool seg_partition_collect(seg_partition *partition);

/* Entries read by the group once `count` messages of this ownership are done; -1 unknown. */
int64_t seg_partition_entries_read(const seg_partition *partition, uint64_t count);

#endif
