/*
 * ledger.h - the entries of all partitions in the order of their ids, gathered from acknowledged records and
 * handled messages; and when a handler first finished each one. Part of the checker.
 */
#ifndef CHAOS_LEDGER_H
#define CHAOS_LEDGER_H

#include "chaos/history.h"

typedef struct chaos_entry {
	uint32_t partition;
	seg_id id;
	uint32_t key, number;
	bool acknowledged;
	bool logged;          /* in the log at the end, if the history has the whole log */
	bool conflicting;     /* one id with two contents */
	int64_t begun;        /* when it was first handed over, or CHAOS_NEVER */
	uint64_t begun_epoch; /* to the owner of this epoch */
	int64_t decided;      /* when a handler first decided on it (done or dead letter), or CHAOS_NEVER */
	int64_t all_decided;  /* when it and all earlier entries of the partition were decided */
	int64_t gone;         /* when a fault removed it from the log, or CHAOS_NEVER */
	bool deleted;         /* removed on purpose */
	bool vanished;        /* lost with the primary before the replica had it */
	bool disputed;        /* the same, and no confirmation of replicas could save it */
	size_t call;          /* the newest call with it, counted from 1 */
	bool wanted_dead; /* a handler answered "dead letter", or it was named as the killer of its owners */
	unsigned deaths;  /* ownerships that ended badly after it was begun and before it was done */
	unsigned dead_letters;
	unsigned
		handled; /* by how many ownerships, without those that asked for it again and did not get it */
} chaos_entry;

typedef struct chaos_ledger {
	chaos_entry *entries; /* ordered by partition, then id */
	size_t count;
} chaos_ledger;

void chaos_ledger_init(chaos_ledger *ledger, const chaos_history *history);
void chaos_ledger_fini(chaos_ledger *ledger);

/* The entry, or NULL. */
chaos_entry *chaos_ledger_find(const chaos_ledger *ledger, uint32_t partition, seg_id id);

/* Fills in all_decided, once every `decided` is known. An entry that is gone delays no other. */
void chaos_ledger_settle(chaos_ledger *ledger);

/* Whether the entry is the first of its partition. */
bool chaos_ledger_is_first(const chaos_ledger *ledger, const chaos_entry *entry);

#endif
