/*
 * emitting.h - which groups emit to a stream, and to which streams a group emits, as its runners have noted it in Redis
 * (lua/README.md). One thread.
 */
#ifndef CTL_EMITTING_H
#define CTL_EMITTING_H

#include "keyspace.h"

/* Adds "<group>:<stream>" for each group that emits to the stream. 0, or an exit code after one line on standard error. */
int ctl_emitting_sources(ctl_context *context, const char *stream, ctl_keys *sources);

/* Adds the streams to which the group emits; former: and those to which it did before. */
int ctl_emitting_targets(ctl_context *context, const char *stream, const char *group, bool former,
			 ctl_keys *targets);

/* Removes what the group's targets know of it: a group of that name then emits anew. */
int ctl_emitting_forget(ctl_context *context, const seg_stream *stream, const char *group);

#endif
