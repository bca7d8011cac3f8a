#include "partition/value_store.h"

#include <stdio.h>
#include <stdlib.h>

#include <segmenter/segmenter.h>

seg_value_store *seg_value_store_create(bool by_slot)
{
	seg_value_store *store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->map_count = by_slot ? SEG_SLOTS : 1;
	store->maps = calloc(store->map_count, sizeof(*store->maps));
	if (store->maps)
		return store;
	free(store);
	return NULL;
}

void seg_value_store_destroy(seg_value_store *store)
{
	if (!store)
		return;
	for (unsigned i = 0; i < store->map_count; i++)
		seg_value_map_fini(&store->maps[i]);
	free(store->maps);
	free(store);
}

seg_value_map *seg_value_store_map(seg_value_store *store, uint16_t slot)
{
	return &store->maps[slot == SEG_SLOT_NONE ? 0 : slot];
}

static uint64_t bytes_of(const seg_value *value)
{
	return value ? value->name_length + value->length : 0;
}

void seg_value_store_count(seg_value_store *store, const seg_value *before, const seg_value *after)
{
	/* Differences may be negative: unsigned numbers wrap, and the sums are right. */
	uint64_t bytes = bytes_of(after) - bytes_of(before);
	uint64_t count = (uint64_t)(after != NULL) - (uint64_t)(before != NULL);
	if (bytes)
		atomic_fetch_add_explicit(&store->bytes, bytes, memory_order_relaxed);
	if (count)
		atomic_fetch_add_explicit(&store->count, count, memory_order_relaxed);
}

size_t seg_value_prefix(char prefix[SEG_VALUE_PREFIX_MAX], uint16_t slot)
{
	if (slot == SEG_SLOT_NONE)
		return (size_t)snprintf(prefix, SEG_VALUE_PREFIX_MAX, "p:");
	return (size_t)snprintf(prefix, SEG_VALUE_PREFIX_MAX, "%u:", slot);
}

size_t seg_value_field_parse(const char *field, size_t length, uint16_t *slot)
{
	uint32_t number = 0;
	size_t at = 0;
	if (length >= 2 && field[0] == 'p' && field[1] == ':') {
		*slot = SEG_SLOT_NONE;
		return 2;
	}
	for (; at < length && at < 4 && field[at] >= '0' && field[at] <= '9'; at++)
		number = number * 10 + (uint32_t)(field[at] - '0');
	if (at == 0 || at == length || field[at] != ':' || number >= SEG_SLOTS)
		return 0;
	*slot = (uint16_t)number;
	return at + 1;
}

int seg_value_store_load(seg_value_store *store, const char *field, size_t field_length, const void *content,
			 size_t length)
{
	uint16_t slot;
	size_t at = seg_value_field_parse(field, field_length, &slot);
	if (at == 0 || (slot == SEG_SLOT_NONE) != (store->map_count == 1))
		return SEG_EINVAL;
	seg_value *before, *value = seg_value_create(field + at, field_length - at, content, length);
	if (!value || !seg_value_map_put(seg_value_store_map(store, slot), value, &before)) {
		seg_value_destroy(value);
		return SEG_ENOMEM;
	}
	seg_value_store_count(store, before, value);
	seg_value_destroy(before);
	return 0;
}
