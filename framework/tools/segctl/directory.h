/* directory.h - which streams there are in the namespace, and which groups a stream has. */
#ifndef CTL_DIRECTORY_H
#define CTL_DIRECTORY_H

#include "keyspace.h"

/* Names, sorted. 0, or an exit code, its reason printed. Free with ctl_keys_free in any case. */
int ctl_directory_streams(ctl_context *context, ctl_keys *names);
int ctl_directory_groups(ctl_context *context, const char *stream, ctl_keys *names);

#endif
