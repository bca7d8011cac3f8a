/* group_spoilt.h - what it takes to delete a group that cannot be read, because another program wrote over one of its keys. */
#ifndef CTL_GROUP_SPOILT_H
#define CTL_GROUP_SPOILT_H

#include "keyspace.h"

/*
 * Without `force`, live members stand against it, and leases that cannot be read, because nobody can tell then. *live is how many
 * members are known to live. 0, or an exit code after one line on standard error.
 */
int ctl_group_spoilt_refuse(ctl_context *context, const char *stream, const char *group, bool force,
			    size_t *live);

/* Keys that hold another type than they should. Zero it first. */
typedef struct ctl_group_spoilt {
	ctl_keys keys;  /* of the group */
	bool *logs;     /* for each partition of the stream, whether it is its log; or NULL: none is */
	bool is_listed; /* the stream's set of groups can be read */
} ctl_group_spoilt;

/*
 * Finds them. Where the stream's groups cannot be read, a group of which no key is there does not exist. 0, or an exit code after
 * one line on standard error. Free with ctl_group_spoilt_free in any case.
 */
int ctl_group_spoilt_find(ctl_context *context, const seg_stream *stream, const char *group,
			  ctl_group_spoilt *spoilt);
void ctl_group_spoilt_free(ctl_group_spoilt *spoilt);

#endif
