/* keyspace.h - lists of keys: found by a pattern, removed from Redis. Also used for lists of names. */
#ifndef CTL_KEYSPACE_H
#define CTL_KEYSPACE_H

#include "context.h"
#include "redis/reply.h"

typedef struct ctl_keys {
	char **list;
	size_t count, room;
} ctl_keys;

/*
 * Adds all keys whose names match a pattern of SCAN, and sorts the list. Reads the whole database, a thousand keys at a
 * time, so that Redis serves others in between. 0, or an exit code after one line on standard error. Free with
 * ctl_keys_free in any case.
 */
int ctl_keys_find(ctl_context *context, const char *pattern, ctl_keys *keys);

/* The same with at most so many calls of SCAN, and none after the client's timeout: the list may lack keys. */
int ctl_keys_find_some(ctl_context *context, const char *pattern, unsigned calls, ctl_keys *keys);

/* Appends a copy. */
void ctl_keys_add(ctl_keys *keys, const char *key, size_t length);

/* Appends copies of all texts of an array. */
void ctl_keys_add_reply(ctl_keys *keys, const seg_reply *array);

void ctl_keys_free(ctl_keys *keys);

/* Removes a key from the list, if the list has it. */
void ctl_keys_remove(ctl_keys *keys, const char *key);

/* Sorts the list, and removes duplicates. */
void ctl_keys_sort(ctl_keys *keys);

/* UNLINKs the keys in Redis, in the list's order. 0, or an exit code after one line on standard error. */
int ctl_keys_unlink(ctl_context *context, const ctl_keys *keys);

#endif
