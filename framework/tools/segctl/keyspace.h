/* keyspace.h - finding keys by the shape of their names, and removing them. */
#ifndef CTL_KEYSPACE_H
#define CTL_KEYSPACE_H

#include "context.h"

typedef struct ctl_keys {
	char **list; /* sorted, each once */
	size_t count, room;
} ctl_keys;

/*
 * All keys whose names match a pattern of SCAN. Looks at every key of the database, a thousand at a time,
 * which disturbs nobody. 0, or an exit code, its reason printed. Free with ctl_keys_free in any case.
 */
int ctl_keys_find(ctl_context *context, const char *pattern, ctl_keys *keys);
void ctl_keys_add(ctl_keys *keys, const char *key, size_t length);
void ctl_keys_free(ctl_keys *keys);

/* Takes one out, where it is there. */
void ctl_keys_remove(ctl_keys *keys, const char *key);

/* Sorts, and drops what is there twice. */
void ctl_keys_sort(ctl_keys *keys);

/* UNLINKs them, in their order. 0, or an exit code. */
int ctl_keys_unlink(ctl_context *context, const ctl_keys *keys);

#endif
