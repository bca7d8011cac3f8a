/* stream_keys.h - all keys of a stream, whatever they hold: found by their names, and deleted. One thread. */
#ifndef CTL_STREAM_KEYS_H
#define CTL_STREAM_KEYS_H

#include "keyspace.h"

/*
 * Also those of partitions that only an earlier shape had. 0, or an exit code after one line on standard error. Free with
 * ctl_keys_free in any case.
 */
int ctl_stream_keys_find(ctl_context *context, const char *name, ctl_keys *keys);

/* Deletes them, and the shape (`info`) last: until then the command can be repeated. */
int ctl_stream_keys_delete(ctl_context *context, const char *name);

/* Adds the names of the groups that some of the keys are of, and how many partitions the keys are of, at least. */
uint32_t ctl_stream_keys_read(const ctl_context *context, const char *name, const ctl_keys *keys,
			      ctl_keys *groups);

#endif
