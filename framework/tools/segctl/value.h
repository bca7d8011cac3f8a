/* value.h - the values that a group's handlers keep in state, as Redis has them. */
#ifndef CTL_VALUE_H
#define CTL_VALUE_H

#include "context.h"

/* Borrowed from a reply, and valid until the visit returns. */
typedef struct ctl_value {
	uint32_t partition;
	int slot; /* whose value it is; -1: the partition's */
	const char *name, *content;
	size_t name_length, length;
} ctl_value;

/* Returns false to end the walk. */
typedef bool (*ctl_value_visit)(void *arg, const ctl_value *value);

/*
 * Visits the values of the group, of one partition (-1: of all) after the other, a few at a time, so that Redis serves others in
 * between. A value that a handler changes meanwhile may come once more, and comes as of some moment. 0, or an exit code after
 * one line on standard error.
 */
int ctl_values_visit(ctl_context *context, const seg_stream *stream, const char *group, int64_t partition,
		     ctl_value_visit visit, void *arg);

/* Visits those of this name: one of a partition, or one of each of its slots. */
int ctl_values_find(ctl_context *context, const seg_stream *stream, const char *group, int64_t partition,
		    const char *name, size_t length, ctl_value_visit visit, void *arg);

#endif
