/* directory.h - the namespace's streams, by their names, and the names of a stream's groups. */
#ifndef CTL_DIRECTORY_H
#define CTL_DIRECTORY_H

#include "base/names.h"
#include "keyspace.h"

/* Opens a stream. 0, or an exit code after one line on standard error. Close with seg_stream_close. */
int ctl_open_stream(ctl_context *context, const char *name, seg_stream **stream);

/*
 * The same. 0, or a status with an error: SEG_EPROTOCOL if this segctl cannot use this stream, and the others are not concerned:
 * for its format is newer, its packing is not built in, or its key holds something else.
 */
int ctl_try_stream(ctl_context *context, const char *name, seg_stream **stream, seg_error *error);

/*
 * The stream that the user may have meant by a name that none has. Looks for at most a second, and not where an attempt
 * is repeated. False if none is similar, or this user must not look for keys; then nothing is said.
 */
bool ctl_directory_suggest(ctl_context *context, const char *name, char meant[SEG_NAME_MAX + 1]);

/* Sorted. 0, or an exit code after one line on standard error. Free with ctl_keys_free in any case. */
int ctl_directory_streams(ctl_context *context, ctl_keys *names);
int ctl_directory_groups(ctl_context *context, const char *stream, ctl_keys *names);

/* The same. 0, or a status with an error. */
int ctl_directory_groups_read(ctl_context *context, const char *stream, ctl_keys *names, seg_error *error);

#endif
