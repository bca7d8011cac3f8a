/*
 * accumulator.h - what the asynchronous producer holds: records gathered into batches, batches queued by
 * partition. No Redis, no thread, no clock of its own: the caller holds a lock around every call and says
 * what time it is (ns).
 *
 *                  full, lingered, or hurried            taken            finished
 *      lingering --------------------------> due -> ready -----> held ----------------> gone
 *                                                     ^            |
 *                                                     +- resting <-+ refused, to be tried again
 *
 * Only the oldest batch of a partition is ever ready, so what is sent keeps the order of the adds. A batch
 * takes records until it is taken for the first time; from then on it is frozen, and belongs to the taker
 * alone while it is held.
 */
#ifndef SEG_STREAM_ACCUMULATOR_H
#define SEG_STREAM_ACCUMULATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <segmenter/segmenter.h>

/* What a record counts beyond its bytes. */
#define SEG_RECORD_CHARGE 64

typedef struct seg_accumulator_limits {
	uint32_t partitions;
	size_t batch_records;
	size_t batch_bytes;
	size_t held_bytes; /* of all records, SEG_RECORD_CHARGE each included */
	int64_t linger;    /* ns that a batch waits for more */
	int64_t timeout;   /* ns from a batch's first record to its deadline */
} seg_accumulator_limits;

/* A record's place in its batch. Its bytes begin at `offset`: its headers' structs if any, then all texts. */
typedef struct seg_held_record {
	void *opaque;
	size_t offset;
	size_t key_length;
	size_t data_length;
	size_t header_count;
} seg_held_record;

typedef enum seg_batch_state {
	SEG_BATCH_LINGERING,
	SEG_BATCH_DUE, /* behind an older batch of its partition */
	SEG_BATCH_READY,
	SEG_BATCH_RESTING,
	SEG_BATCH_HELD
} seg_batch_state;

typedef struct seg_producer_batch {
	/* The accumulator's: */
	TAILQ_ENTRY(seg_producer_batch) in_partition;
	TAILQ_ENTRY(seg_producer_batch) in_age;
	TAILQ_ENTRY(seg_producer_batch) in_state; /* lingering, ready, resting or free */
	seg_batch_state state;
	bool frozen;
	uint64_t number; /* rises with each batch */
	int64_t created; /* when its first record came */
	int64_t rest_until;
	size_t charge;
	char *bytes;
	size_t length, room; /* of bytes */
	size_t record_room;

	/* The taker's to read, while it is held: */
	uint32_t partition;
	seg_held_record *records;
	size_t count;
	size_t headers; /* of all records */

	/* The taker's own; zero at first: */
	size_t done;       /* the first so many records have met their fate */
	uint64_t sequence; /* 0: none yet */
	bool waiting;      /* an answer to it is due */
	bool may_be_added; /* an answer to it was lost */
	bool abandoned;    /* it has met its fate before its answer came */
	unsigned refusals; /* in a row */
	seg_error refusal; /* the newest; status 0: none */
	void *owner;
} seg_producer_batch;

TAILQ_HEAD(seg_batch_list, seg_producer_batch);

typedef struct seg_accumulator {
	seg_accumulator_limits limits;
	struct seg_batch_list *partitions; /* each oldest first */
	struct seg_batch_list age;         /* all of them, oldest first */
	struct seg_batch_list lingering;   /* oldest first */
	struct seg_batch_list ready;
	struct seg_batch_list resting;
	struct seg_batch_list free;
	int64_t rest_ends;  /* the earliest of resting, SEG_NEVER if none */
	size_t held;        /* bytes, against limits.held_bytes */
	size_t free_memory; /* of the batches in `free` */
	uint64_t next_number;
} seg_accumulator;

/* 0 or SEG_ENOMEM. */
int seg_accumulator_init(seg_accumulator *accumulator, const seg_accumulator_limits *limits);

/* Frees everything; batches still in it are forgotten, and those abandoned must have been recycled. */
void seg_accumulator_fini(seg_accumulator *accumulator);

/* What a record counts against held_bytes. */
size_t seg_accumulator_charge(const seg_record *record);

/* Whether a record of that charge fits now. */
bool seg_accumulator_has_room(const seg_accumulator *accumulator, size_t charge);

/*
 * Copies a record into the newest batch of a partition, or a new one. The record must fit. 0 or SEG_ENOMEM.
 */
int seg_accumulator_add(seg_accumulator *accumulator, uint32_t partition, const seg_record *record,
			void *opaque, int64_t now);

/* The next ready batch, which is held from then on; NULL if there is none. */
seg_producer_batch *seg_accumulator_take(seg_accumulator *accumulator, int64_t now);

/* Puts a held batch back: it is the next of its partition again, at once or from `until` on. */
void seg_accumulator_put_back(seg_accumulator *accumulator, seg_producer_batch *batch);
void seg_accumulator_rest(seg_accumulator *accumulator, seg_producer_batch *batch, int64_t until);

/* A held batch has met its fate: its room is free again, and the next one of the partition may go. */
void seg_accumulator_finish(seg_accumulator *accumulator, seg_producer_batch *batch);

/*
 * The same for one to which an answer is still due: its memory stays with the caller, and counts, until
 * it is recycled.
 */
void seg_accumulator_abandon(seg_accumulator *accumulator, seg_producer_batch *batch);
void seg_accumulator_recycle(seg_accumulator *accumulator, seg_producer_batch *batch);

/* The oldest batch if its deadline has come by `now`, held from then on (or already); else NULL. */
seg_producer_batch *seg_accumulator_take_expired(seg_accumulator *accumulator, int64_t now);

/* No batch lingers on that is there now. */
void seg_accumulator_hurry(seg_accumulator *accumulator);

/* For waiting until all that is there now is gone: the mark is taken first, then asked for. */
uint64_t seg_accumulator_mark(const seg_accumulator *accumulator);
bool seg_accumulator_is_gone(const seg_accumulator *accumulator, uint64_t mark);

/*
 * When there is something to do next, `now` if there is already, SEG_NEVER if the accumulator is empty.
 * can_send: whether batches would be taken; else only deadlines count.
 */
int64_t seg_accumulator_next_time(const seg_accumulator *accumulator, bool can_send, int64_t now);

/* Record i of a batch; its texts lie in the batch. Pointers in its headers are set at this call. */
seg_record seg_producer_batch_record(seg_producer_batch *batch, size_t i);

#endif
