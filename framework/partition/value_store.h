/*
 * value_store.h - the values that handlers keep for one partition: a map for the partition, or with `parallel` above 1 one for each slot.
 *
 * The I/O thread fills it before the partition's first message (group/value_load.c). Then it belongs to the partition's worker until that
 * has stopped; with lanes, a slot's map to the lane that has the slot. Any thread may read the counters.
 */
#ifndef SEG_PARTITION_VALUE_STORE_H
#define SEG_PARTITION_VALUE_STORE_H

#include <stdatomic.h>

#include "partition/completion.h"
#include "partition/value_map.h"

typedef struct seg_value_store {
	seg_value_map *maps;
	unsigned map_count;  /* 1, or SEG_SLOTS */
	atomic_ullong bytes; /* of names and values, those of the calls under way included */
	atomic_ullong count; /* of values */
} seg_value_store;

/* Empty. by_slot: with a map for each slot. NULL: out of memory. */
seg_value_store *seg_value_store_create(bool by_slot);
void seg_value_store_destroy(seg_value_store *store); /* NULL: does nothing */

/* The map of a slot; SEG_SLOT_NONE: the partition's. */
seg_value_map *seg_value_store_map(seg_value_store *store, uint16_t slot);

/* Counts a value that came (`after`) and one that went (`before`); either may be NULL. */
void seg_value_store_count(seg_value_store *store, const seg_value *before, const seg_value *after);

/*
 * In Redis, a value is a field of a hash: "p:<name>" of a partition, "<slot>:<name>" of a slot. Writes what comes before the name, and
 * returns its length.
 */
enum { SEG_VALUE_PREFIX_MAX = 8 };
size_t seg_value_prefix(char prefix[SEG_VALUE_PREFIX_MAX], uint16_t slot);

/* Where the name begins in a field, and whose it is; 0: it is no field of a value. */
size_t seg_value_field_parse(const char *field, size_t length, uint16_t *slot);

/*
 * Puts in a field that was read from Redis. 0; SEG_ENOMEM; or SEG_EINVAL: the store is by slots and the value the partition's, or the other
 * way round, or it is no field of a value.
 */
int seg_value_store_load(seg_value_store *store, const char *field, size_t field_length, const void *content,
			 size_t length);

#endif
