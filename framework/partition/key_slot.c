#include "partition/key_slot.h"

#include "partition/completion.h"

enum { SLOT_BITS = 10 };

_Static_assert(SEG_SLOTS == 1 << SLOT_BITS, "a slot is the highest bits of the mixed hash");

/* FNV-1a, as for the partition; then the last step of MurmurHash3, whose highest bits depend on all bits of the hash. */
uint16_t seg_key_slot(const void *key, size_t length)
{
	const unsigned char *bytes = key;
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	hash ^= hash >> 16;
	hash *= 0x85ebca6bu;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35u;
	hash ^= hash >> 16;
	return (uint16_t)(hash >> (32 - SLOT_BITS));
}
