/*
 * stream_spoilt.h - `segctl stream delete` of a stream that cannot be read, because another program wrote over one of its keys.
 * What is to be deleted is found by the names of the keys.
 */
#ifndef CTL_STREAM_SPOILT_H
#define CTL_STREAM_SPOILT_H

#include "context.h"
#include "keyspace.h"

/*
 * why: the sentence of what cannot be read. yes, force: the options of that command; without `force`, a group with live members,
 * or of which nobody can tell, stands against it. 0, or an exit code after a line on standard error.
 */
int ctl_stream_delete_spoilt(ctl_context *context, const char *name, const char *why, bool yes, bool force);

/* Deletes what the outputs of the groups know of them. Passes over what cannot be read, after a line on standard error. */
int ctl_stream_forget_groups(ctl_context *context, const seg_stream *stream, const ctl_keys *groups);

#endif
