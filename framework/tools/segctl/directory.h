/* directory.h - the names of the namespace's streams, and of a stream's groups. */
#ifndef CTL_DIRECTORY_H
#define CTL_DIRECTORY_H

#include "keyspace.h"

/* Sorted. 0, or an exit code after one line on standard error. Free with ctl_keys_free in any case. */
int ctl_directory_streams(ctl_context *context, ctl_keys *names);
int ctl_directory_groups(ctl_context *context, const char *stream, ctl_keys *names);

#endif
