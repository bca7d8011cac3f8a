#include <segmenter/segmenter.h>

/*
 * FNV-1a, 32 bits. Producers and consumers of any language agree on where a key lives by this
 * function alone: it can never change.
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
