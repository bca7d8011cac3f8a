/*
 * value_map.h - a map from names to values, bytes to bytes: a hash table whose values are chained in their buckets. One thread.
 */
#ifndef SEG_PARTITION_VALUE_MAP_H
#define SEG_PARTITION_VALUE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value with its name. It belongs to the map that holds it, else to the caller. */
typedef struct seg_value {
	struct seg_value *next; /* in its bucket */
	uint64_t hash;          /* of the name */
	size_t name_length, length;
	bool noted;                           /* for the caller: false when it is made */
	_Alignas(16) unsigned char content[]; /* the value, then the name */
} seg_value;

/* A copy of both; NULL: out of memory. */
seg_value *seg_value_create(const void *name, size_t name_length, const void *content, size_t length);
void seg_value_destroy(seg_value *value); /* NULL: does nothing */

static inline const void *seg_value_name(const seg_value *value)
{
	return value->content + value->length;
}

/* Zeroed: empty, and no memory. */
typedef struct seg_value_map {
	seg_value **buckets;
	size_t bucket_count; /* 0 or a power of two */
	size_t count;
} seg_value_map;

/* Destroys the values, too. */
void seg_value_map_fini(seg_value_map *map);

/* The value of that name; NULL: none. It stays the map's. */
seg_value *seg_value_map_find(const seg_value_map *map, const void *name, size_t name_length);

/*
 * Puts the value in. *before becomes the value of the same name that was there, which is the caller's from now on; or NULL. False: out
 * of memory, nothing has changed. That happens only to a map which never held anything.
 */
bool seg_value_map_put(seg_value_map *map, seg_value *value, seg_value **before);

/* Takes the value of that name out: it is the caller's. NULL: there is none. */
seg_value *seg_value_map_take(seg_value_map *map, const void *name, size_t name_length);

/* Visits each value once; `visit` must not change the map. Ends early when `visit` returns false. */
typedef bool (*seg_value_visit)(void *arg, const seg_value *value);
void seg_value_map_each(const seg_value_map *map, seg_value_visit visit, void *arg);

#endif
