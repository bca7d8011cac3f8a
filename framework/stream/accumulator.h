/*
 * accumulator.h - the asynchronous producer's buffer: it collects records into batches and queues the batches
 * by partition. Without Redis, thread or clock: the caller holds a lock around every call, and passes the
 * time (seg_now(), ns).
 *
 *                  full, lingered, or hurried                taken            finished
 *      lingering --------------------------> due ----> ready -----> held ----------------> gone
 *                                             | ^       ^ ^          |
 *                                             v |       | |          +-> due: to be sent again
 *                                           behind -----+ +- resting <-+ refused, to be tried again
 *
 * Several batches of a partition may be held, up to limits.window. Only the oldest that is not held can be
 * ready, so records are sent in the order in which they were added. While others are held, it is ready only if
 * it can grow no more, or if it has waited for limits.behind: over a short link, a batch in flight makes the
 * next one grow. If one was refused, it alone may be held.
 *
 * A batch accepts records until it is full or taken; then it is closed. While it is held, it belongs to the
 * taker alone.
 */
#ifndef SEG_STREAM_ACCUMULATOR_H
#define SEG_STREAM_ACCUMULATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <segmenter/segmenter.h>

/* Bytes that each record counts beyond its own, for the structs around it. */
#define SEG_RECORD_CHARGE 64

typedef struct seg_accumulator_limits {
	uint32_t partitions;
	size_t batch_records;
	size_t batch_bytes;
	size_t held_bytes; /* of all records, including SEG_RECORD_CHARGE for each */
	unsigned window;   /* batches of a partition that may be held at the same time; at least 1 */
	int64_t linger;    /* ns that a batch waits for more */
	int64_t behind;    /* ns from its first record, for which a batch behind a held one waits for more */
	int64_t timeout;   /* ns from a batch's first record to its deadline */
} seg_accumulator_limits;

/* A record in its batch. Its bytes begin at `offset`: the structs of its headers, if any, then all texts. */
typedef struct seg_held_record {
	void *opaque;
	size_t offset;
	size_t key_length;
	size_t data_length;
	size_t header_count;
} seg_held_record;

typedef enum seg_batch_state {
	SEG_BATCH_LINGERING,
	SEG_BATCH_DUE,    /* waits for older batches of its partition */
	SEG_BATCH_BEHIND, /* may go now, but grows until rest_until */
	SEG_BATCH_READY,
	SEG_BATCH_RESTING,
	SEG_BATCH_HELD
} seg_batch_state;

typedef struct seg_confirmation seg_confirmation;

typedef struct seg_producer_batch {
	/* Of the accumulator: */
	TAILQ_ENTRY(seg_producer_batch) in_partition;
	TAILQ_ENTRY(seg_producer_batch) in_age;
	TAILQ_ENTRY(seg_producer_batch) in_state; /* lingering, ready, resting or free */
	seg_batch_state state;
	bool closed;     /* accepts no more records */
	uint64_t number; /* rises with each new batch */
	int64_t created; /* when the first record was added */
	int64_t rest_until;
	size_t charge;
	char *bytes;
	size_t length, room; /* of bytes */
	size_t record_room;

	/* For the taker to read, while the batch is held: */
	uint32_t partition;
	seg_held_record *records;
	size_t count;
	size_t headers; /* of all records */

	/* Of the taker; zero at first: */
	size_t done;       /* so many records, from the first, have their outcome */
	uint64_t sequence; /* of the first record; 0: not sent yet */
	uint64_t oldest;   /* seg_append.oldest of the newest try */
	bool waiting;      /* an answer is due */
	bool may_be_added; /* an answer was lost */
	bool given_up;     /* past its deadline */
	bool abandoned;    /* given up while its answer was due */
	unsigned refusals; /* in a row */
	seg_error refusal; /* the newest one; status 0: none */
	/* With ack_replicas: the WAIT that confirms the batch, or NULL; and whether `first` and `added` are known. */
	TAILQ_ENTRY(seg_producer_batch) in_confirmation;
	seg_confirmation *confirmation;
	bool answered;
	seg_id first;
	size_t added;
	void *owner;
} seg_producer_batch;

TAILQ_HEAD(seg_batch_list, seg_producer_batch);

typedef struct seg_partition_queue {
	struct seg_batch_list batches; /* oldest first */
	seg_producer_batch *next;      /* the batch that is ready or behind, or NULL */
	unsigned narrow;               /* the window since a batch was lost; 0: limits.window */
} seg_partition_queue;

typedef struct seg_accumulator {
	seg_accumulator_limits limits;
	seg_partition_queue *partitions;
	struct seg_batch_list age;       /* all batches, oldest first */
	struct seg_batch_list lingering; /* oldest first */
	struct seg_batch_list ready;
	struct seg_batch_list resting; /* and behind */
	struct seg_batch_list free;
	int64_t rest_ends;  /* the earliest of resting, SEG_NEVER if none */
	size_t held;        /* bytes, against limits.held_bytes */
	size_t free_memory; /* of the batches in `free` */
	uint64_t next_number;
} seg_accumulator;

/* 0 or SEG_ENOMEM. */
int seg_accumulator_init(seg_accumulator *accumulator, const seg_accumulator_limits *limits);

/*
 * Frees everything, including batches that are still queued. Abandoned batches must have been recycled
 * before.
 */
void seg_accumulator_fini(seg_accumulator *accumulator);

/* The bytes that a record counts against held_bytes. */
size_t seg_accumulator_charge(const seg_record *record);

/* Whether a record of that charge fits now. */
bool seg_accumulator_has_room(const seg_accumulator *accumulator, size_t charge);

/*
 * Copies a record into the partition's newest batch, or into a new one. The record must fit. 0 or SEG_ENOMEM.
 */
int seg_accumulator_add(seg_accumulator *accumulator, uint32_t partition, const seg_record *record,
			void *opaque, int64_t now);

/* Takes the next ready batch, which is then held; NULL if there is none. */
seg_producer_batch *seg_accumulator_take(seg_accumulator *accumulator, int64_t now);

/* The oldest batch of a partition that has any. Under the lock, or on the taker's thread while it holds one. */
seg_producer_batch *seg_accumulator_oldest(const seg_accumulator *accumulator, uint32_t partition);

/* Put a held batch back, to be taken again in its turn: at once, or from `until` on. */
void seg_accumulator_put_back(seg_accumulator *accumulator, seg_producer_batch *batch);
void seg_accumulator_rest(seg_accumulator *accumulator, seg_producer_batch *batch, int64_t until);

/*
 * A held batch was lost with its link: puts it back. From now on, the window of its partition is one batch, and doubles
 * with each batch that is finished: a link that breaks again soon must not be filled with more than it carries till then.
 */
void seg_accumulator_lost(seg_accumulator *accumulator, seg_producer_batch *batch);

/* A held batch has its outcome: its memory is free again. */
void seg_accumulator_finish(seg_accumulator *accumulator, seg_producer_batch *batch);

/*
 * The same for a batch whose answer is still due: its memory stays with the caller, and counts, until the
 * batch is recycled.
 */
void seg_accumulator_abandon(seg_accumulator *accumulator, seg_producer_batch *batch);
void seg_accumulator_recycle(seg_accumulator *accumulator, seg_producer_batch *batch);

/* Takes the oldest batch if its deadline has come by `now`, also if it is held already; else NULL. */
seg_producer_batch *seg_accumulator_take_expired(seg_accumulator *accumulator, int64_t now);

/* Ends the lingering of all batches that exist now. */
void seg_accumulator_hurry(seg_accumulator *accumulator);

/* For a flush: take a mark, then ask until all batches that existed at the mark are gone. */
uint64_t seg_accumulator_mark(const seg_accumulator *accumulator);
bool seg_accumulator_is_gone(const seg_accumulator *accumulator, uint64_t mark);

/*
 * When there is something to do next: `now` if at once, SEG_NEVER if the accumulator is empty. Without
 * can_send, ready batches could not be sent, and only deadlines count.
 */
int64_t seg_accumulator_next_time(const seg_accumulator *accumulator, bool can_send, int64_t now);

/* Record i of a batch. It points into the batch. This call sets the pointers of its headers. */
seg_record seg_producer_batch_record(seg_producer_batch *batch, size_t i);

#endif
