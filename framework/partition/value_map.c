#include "partition/value_map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

enum { BUCKETS_MIN = 8 };

/* Names come from outside. With a seed, nobody can choose names that share a bucket. */
static uint64_t seed;
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
	seed = seg_random();
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xe7037ed1a0b428dbu);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes at a time are multiplied into the sum, as wyhash does. */
static uint64_t hash_of(const void *name, size_t length)
{
	const unsigned char *bytes = name;
	uint64_t sum, word;
	pthread_once(&seeded, make_seed);
	sum = seed ^ length;
	for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum = mix(sum, word);
	}
	word = 0;
	if (length)
		memcpy(&word, bytes, length);
	return mix(mix(sum, word), seed);
}

seg_value *seg_value_create(const void *name, size_t name_length, const void *content, size_t length)
{
	size_t size;
	if (__builtin_add_overflow(name_length, length, &size) ||
	    __builtin_add_overflow(size, sizeof(seg_value), &size))
		return NULL;
	seg_value *value = malloc(size);
	if (!value)
		return NULL;
	*value =
		(seg_value){.hash = hash_of(name, name_length), .name_length = name_length, .length = length};
	if (length)
		memcpy(value->content, content, length);
	if (name_length)
		memcpy(value->content + length, name, name_length);
	return value;
}

void seg_value_destroy(seg_value *value)
{
	free(value);
}

void seg_value_map_fini(seg_value_map *map)
{
	for (size_t i = 0; i < map->bucket_count; i++)
		for (seg_value *value = map->buckets[i], *next; value; value = next) {
			next = value->next;
			seg_value_destroy(value);
		}
	free(map->buckets);
	*map = (seg_value_map){0};
}

/* Where the value of that name is linked in, or where the chain ends. The map has buckets. */
static seg_value **place_of(const seg_value_map *map, uint64_t hash, const void *name, size_t name_length)
{
	seg_value **place = &map->buckets[hash & (map->bucket_count - 1)];
	while (*place && ((*place)->hash != hash || (*place)->name_length != name_length ||
			  memcmp(seg_value_name(*place), name, name_length) != 0))
		place = &(*place)->next;
	return place;
}

seg_value *seg_value_map_find(const seg_value_map *map, const void *name, size_t name_length)
{
	return map->count ? *place_of(map, hash_of(name, name_length), name, name_length) : NULL;
}

/* Twice as many buckets. Without memory for them the chains grow longer instead. */
static void grow(seg_value_map *map)
{
	size_t count = map->bucket_count ? map->bucket_count * 2 : BUCKETS_MIN;
	seg_value **buckets = calloc(count, sizeof(*buckets));
	if (!buckets)
		return;
	for (size_t i = 0; i < map->bucket_count; i++)
		for (seg_value *value = map->buckets[i], *next; value; value = next) {
			next = value->next;
			value->next = buckets[value->hash & (count - 1)];
			buckets[value->hash & (count - 1)] = value;
		}
	free(map->buckets);
	map->buckets = buckets;
	map->bucket_count = count;
}

bool seg_value_map_put(seg_value_map *map, seg_value *value, seg_value **before)
{
	if (map->count >= map->bucket_count)
		grow(map);
	if (!map->bucket_count)
		return false;
	seg_value **place = place_of(map, value->hash, seg_value_name(value), value->name_length);
	*before = *place;
	value->next = *place ? (*place)->next : NULL;
	map->count += *place == NULL;
	*place = value;
	if (*before)
		(*before)->next = NULL;
	return true;
}

seg_value *seg_value_map_take(seg_value_map *map, const void *name, size_t name_length)
{
	if (!map->count)
		return NULL;
	seg_value **place = place_of(map, hash_of(name, name_length), name, name_length), *value = *place;
	if (!value)
		return NULL;
	*place = value->next;
	value->next = NULL;
	map->count--;
	return value;
}

void seg_value_map_each(const seg_value_map *map, seg_value_visit visit, void *arg)
{
	for (size_t i = 0; i < map->bucket_count; i++)
		for (const seg_value *value = map->buckets[i]; value; value = value->next)
			if (!visit(arg, value))
				return;
}
