#include <segmenter/segmenter.h>

/*
 * FNV-1a, 32 bits (Fowler, Noll, Vo). Programs in any language find a key's partition with this function
 * alone, so it can never change.
 */
uint32_t seg_partition_of(const void *key, size_t key_length, uint32_t partitions)
{
	const unsigned char *bytes = key;
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < key_length; i++) {
		hash ^= bytes[i];
		hash *= 16777619u;
	}
	return hash % partitions;
}
