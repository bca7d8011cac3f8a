/*
 * command.h - what a command of segctl is. Each is declared by the file of its noun, and listed in main.c.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "context.h"
#include "option.h"

typedef struct ctl_command {
	const char *noun;      /* "stream", or the whole name: "lag" */
	const char *verb;      /* "create"; NULL where the noun says it all */
	const char *arguments; /* "STREAM GROUP" */
	int arguments_min, arguments_max;
	const char *summary;
	const char *more; /* further sentences of --help, or NULL */
	const ctl_option *options;
	/* Returns the exit code; what is wrong has been said then. argv holds argc arguments. */
	int (*run)(ctl_context *context, int argc, char **argv);
} ctl_command;

extern const ctl_command ctl_stream_create, ctl_stream_list, ctl_stream_describe, ctl_stream_delete;
extern const ctl_command ctl_group_list, ctl_group_describe, ctl_group_delete;
extern const ctl_command ctl_lag, ctl_reset, ctl_top, ctl_why, ctl_send, ctl_tail;
extern const ctl_command ctl_dlq_list, ctl_dlq_show, ctl_dlq_replay, ctl_dlq_drop;

#endif
