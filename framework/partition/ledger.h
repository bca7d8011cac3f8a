/*
 * ledger.h - the books of one partition: what was fetched from the log, handled by the worker, and committed in Redis, and
 * how much may be on its way at once. No I/O. The I/O thread's.
 *
 *     fetched    the newest id that was read from the log
 *     handled    the newest id that the worker is done with, in order
 *     committed  the newest position that Redis has confirmed
 */
#ifndef SEG_PARTITION_LEDGER_H
#define SEG_PARTITION_LEDGER_H

#include <segmenter/segmenter.h>

#include "partition/handoff.h"
#include "partition/parser.h"

/* How much may be in flight in one partition. */
typedef struct seg_ledger_limits {
	uint32_t batch_size;        /* messages a handler gets at once, at most */
	uint32_t in_flight_batches; /* 2 to SEG_HANDOFF_BATCHES */
	uint64_t in_flight_bytes;   /* of keys, data and headers; one batch may exceed it */
} seg_ledger_limits;

typedef struct seg_ledger {
	const seg_ledger_limits *limits; /* outlive the ledger */
	seg_handoff *handoff;            /* with the worker */

	/* Positions. */
	seg_id fetched;
	seg_id handled;
	seg_id committed;
	uint64_t fetched_count; /* messages of this ownership */
	uint64_t handled_count;
	int64_t entries_read; /* what the group had read at the claim: entries, or records of a packed stream; -1: unknown */
	uint64_t
		removed_count; /* messages of this ownership that were removed from the log before they were read */

	/* Reading. */
	seg_parser parser;
	seg_fetched *target;       /* what the next read goes into, or the read under way */
	size_t entries_requested;  /* by the read under way */
	bool filled;               /* the newest read brought all the entries it asked for */
	size_t messages_per_entry; /* of the newest read; 1 where records are not packed */
	size_t average_bytes;      /* of a message, lately */

	/* Batches: with the worker in the order of their messages, and empty ones. */
	seg_fetched *outstanding[SEG_HANDOFF_BATCHES];
	unsigned outstanding_head, outstanding_count;
	seg_fetched *spare[SEG_HANDOFF_BATCHES];
	unsigned spare_count;
	unsigned batch_count; /* of all of them and the target */
	size_t outstanding_bytes;
} seg_ledger;

void seg_ledger_init(seg_ledger *ledger, const seg_ledger_limits *limits, seg_handoff *handoff);
void seg_ledger_fini(seg_ledger *ledger);

/* A new ownership begins at `position`. No worker runs; the handoff is new. entries_read as above. */
void seg_ledger_begin(seg_ledger *ledger, seg_id position, int64_t entries_read);

/* The ownership's worker has stopped: takes all batches back, but those that a caller keeps. */
void seg_ledger_end(seg_ledger *ledger);

/* Messages that are handled, and not known to be committed. */
uint64_t seg_ledger_uncommitted(const seg_ledger *ledger);

/*
 * How many messages may be read and not yet be committed: batch_size * in_flight_batches. At most so many are handled again
 * after a crash.
 */
uint64_t seg_ledger_window(const seg_ledger *ledger);

/* Provides an empty batch to read into, ledger->target. False: none is free now, or the window has no room. */
bool seg_ledger_ready_target(seg_ledger *ledger);

/* How many entries the next read should ask for: a batch's, or what fits the window and the bound on bytes. At least 1. */
size_t seg_ledger_read_count(const seg_ledger *ledger);

/* A read for that many entries, from what was fetched on, is on its way into the target. */
void seg_ledger_read_begun(seg_ledger *ledger, size_t entries);

/* What the read brought is not to be used. */
void seg_ledger_read_failed(seg_ledger *ledger);

typedef struct seg_read_result {
	size_t messages;  /* that were handed to the worker */
	uint64_t removed; /* records that the packed entries show to have been removed before them */
} seg_read_result;

/* The read is whole: hands the filled target to the worker, under that partition number and epoch. An empty one stays. */
seg_read_result seg_ledger_deliver(seg_ledger *ledger, uint32_t partition, uint64_t epoch);

/* Takes note of what the worker has done. Returns whether the position has moved since the last commit. */
bool seg_ledger_collect(seg_ledger *ledger);

/* Redis has confirmed the position `id`, of `count` messages of this ownership. Returns how many are new. */
uint64_t seg_ledger_committed(seg_ledger *ledger, seg_id id, uint64_t count);

/* Redis counts `total` messages of this ownership as removed from the log unread. Returns how many are new. */
uint64_t seg_ledger_removed(seg_ledger *ledger, uint64_t total);

/* What the group has read once `count` messages of this ownership are done; -1: unknown. */
int64_t seg_ledger_entries_read(const seg_ledger *ledger, uint64_t count);

#endif
