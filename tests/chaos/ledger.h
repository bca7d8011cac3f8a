/*
 * ledger.h - the entries of all partitions in the order of their ids, put together from what was acknowledged and what
 * was handled; and when each was first done with. Part of the checker.
 */
#ifndef CHAOS_LEDGER_H
#define CHAOS_LEDGER_H

#include "chaos/history.h"

typedef struct chaos_entry {
	uint32_t partition;
	seg_id id;
	uint32_t key, number;
	bool acknowledged;
	bool conflicting;     /* one id, two contents */
	int64_t begun;        /* when it was first handed over; CHAOS_NEVER */
	uint64_t begun_epoch; /* by whom */
	int64_t decided;      /* when a handler first was done with it, one way or the other; CHAOS_NEVER */
	int64_t all_decided;  /* when this and all before it in the partition were */
	int64_t gone;         /* when it was taken out of the log, by nobody who handles; CHAOS_NEVER */
	bool deleted;         /* that was on purpose */
	bool vanished;        /* that was as the primary was lost before a replica had it */
	size_t call;          /* the newest that it was handed over in, counted from 1 */
	bool wanted_dead;     /* a handler has answered "dead letter", or it was said to have killed */
	unsigned deaths;      /* ownerships that ended badly when it was begun, not done */
	unsigned dead_letters;
	unsigned
		handled; /* by how many ownerships, those not counted that asked for it again and did not get it */
} chaos_entry;

typedef struct chaos_ledger {
	chaos_entry *entries; /* by partition, then id */
	size_t count;
} chaos_ledger;

void chaos_ledger_init(chaos_ledger *ledger, const chaos_history *history);
void chaos_ledger_fini(chaos_ledger *ledger);

/* The entry, or NULL. */
chaos_entry *chaos_ledger_find(const chaos_ledger *ledger, uint32_t partition, seg_id id);

/* Fills in all_decided, once all `decided` are known. What is gone holds up nobody. */
void chaos_ledger_settle(chaos_ledger *ledger);

/* Whether the entry is the first of its partition. */
bool chaos_ledger_is_first(const chaos_ledger *ledger, const chaos_entry *entry);

#endif
