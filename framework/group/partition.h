/*
 * partition.h - one partition of the stream, as a member of a group has it.
 *
 * The I/O thread owns it. A section that bears a file's name is written by that file alone: claim.c writes `claim`, and so
 * on; the others may read it. A worker is given the partition at its start: it copies what it needs of the constants,
 * `own.epoch` and `resume` then, before it runs, and touches only the handoff from there on.
 */
#ifndef SEG_GROUP_PARTITION_H
#define SEG_GROUP_PARTITION_H

#include <segmenter/segmenter.h>

#include "base/log.h"
#include "partition/ledger.h"
#include "partition/ownership.h"
#include "redis/reply.h"

struct seg_member;

/* What a claim found: where to go on, and whether an owner died there. */
typedef struct seg_resume {
	seg_id position;
	uint32_t crashes;  /* owners in a row that died at this position */
	seg_id suspect;    /* the message that was marked when the last one died; {0,0}: none */
	uint32_t attempts; /* how often that message was marked */
} seg_resume;

typedef enum seg_reading {
	SEG_READING_NOT,
	SEG_READING_NOW,      /* a read of this partition alone is under way; it answers at once */
	SEG_READING_BLOCKING, /* part of the blocking read */
} seg_reading;

typedef struct seg_partition {
	/* Constant. */
	struct seg_member *member;
	uint32_t number;
	char *log_key;
	char *state_key;
	char *dead_key;
	size_t log_key_length;

	seg_logger logger; /* its epoch follows the ownership: claim.c */
	seg_ownership own; /* moved by all parts, with the events of ownership.h */
	seg_ledger ledger; /* the books: read.c, commit.c, request.c and gap.c enter what they brought */
	seg_handoff handoff;
	void *user; /* of the hooks: the worker */

	unsigned notes; /* seg_partition_note bits: notes.c */

	/* The agent. */
	struct {
		bool active;    /* in the member's list */
		bool running;   /* a worker was started, and its stop not yet seen */
		bool unsettled; /* from then on, until its last position is committed or the ownership lost */
		unsigned start_failures;
		int64_t start_at; /* a worker, not before */
	} agent;

	struct {
		bool known; /* the group exists on the log */
	} open_group;

	struct {
		uint64_t doubted_epoch; /* Redis may have lost later ones: this epoch is not to be claimed */
	} membership;

	struct {
		char nonce[33];
		uint64_t nonce_epoch;
		unsigned in_flight; /* only the newest claim's answer counts */
		unsigned failures;
		int64_t at;           /* not before */
		int64_t entries_read; /* of the group, at the claim; -1: unknown */
	} claim;
	seg_resume resume; /* claim.c's; constant while a worker runs */

	struct {
		seg_reading reading;
		bool stale;          /* the read under way belongs to an ownership that is over */
		bool backlogged;     /* the newest read brought a full batch: the next need not wait */
		unsigned refusals;   /* reads in a row that Redis refused */
		int64_t told_at;     /* when the newest refusal was logged */
		int64_t at;          /* not before: linger, or a refusal */
		seg_entry_sink sink; /* of a read of this partition alone: fetch.c's */
	} read;

	struct {
		bool busy;
		uint64_t epoch; /* what the commit under way is about */
		seg_id id;
		uint64_t count;
		int64_t sent_at;
		int64_t at;         /* not before, unless much is uncommitted */
		int64_t look_pause; /* until the next look at a busy worker */
	} commit;

	/* Calls that Redis may refuse as fenced: commits and requests. */
	struct {
		int64_t retry_at;  /* not before: Redis refused */
		unsigned refusals; /* in a row, of a kind that does not pass by itself */
	} fenced_call;

	struct {
		bool busy;
		uint64_t epoch;      /* what the request under way is about */
		seg_request current; /* the worker's, until it is answered */
	} request;

	/* Messages that were removed from the log unread. */
	struct {
		bool busy;
		uint64_t epoch;        /* what the look under way is about */
		uint64_t looked_count; /* ledger.fetched_count at the newest look */
		int64_t look_at;       /* not before */
	} gap;
} seg_partition;

/* Whether owners died here in a way that suggests a message that kills: two of them, or one with a message marked. */
static inline bool seg_partition_is_suspicious(const seg_partition *partition)
{
	return partition->resume.crashes >= 2 || partition->resume.attempts > 0;
}

/* What seg_partition_init takes of the member; the texts are copied, the rest outlives the partition. */
typedef struct seg_partition_setup {
	struct seg_member *member;
	const char *name_space;
	const char *stream;
	const char *group;
	seg_logger logger; /* of the member */
	const seg_ledger_limits *limits;
} seg_partition_setup;

/* 0 or SEG_ENOMEM. */
int seg_partition_init(seg_partition *partition, const seg_partition_setup *setup, uint32_t number);
void seg_partition_fini(seg_partition *partition);

#endif
