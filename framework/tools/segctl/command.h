/* command.h - what a command of segctl is. A command is declared by the file of its noun, and listed in commands.c. */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "context.h"
#include "option.h"

typedef struct ctl_command {
	const char *noun;      /* "stream", or the whole name: "lag" */
	const char *verb;      /* "create"; NULL if the noun is the whole name */
	const char *arguments; /* "STREAM GROUP" */
	int arguments_min, arguments_max;
	const char *summary;       /* without a full stop */
	const char *more;          /* further sentences of --help, or NULL */
	const ctl_option *options; /* NULL: none of its own */
	/* Gets argc arguments. Returns the exit code, after printing the error if there was one. */
	int (*run)(ctl_context *context, int argc, char **argv);
	bool connects; /* `run` connects by itself: context->client is NULL at first */
} ctl_command;

extern const ctl_command ctl_stream_create, ctl_stream_list, ctl_stream_describe, ctl_stream_delete;
extern const ctl_command ctl_group_list, ctl_group_describe, ctl_group_delete;
extern const ctl_command ctl_doctor, ctl_acl;
extern const ctl_command ctl_lag, ctl_reset, ctl_top, ctl_why, ctl_send, ctl_tail;
extern const ctl_command ctl_state_list, ctl_state_get, ctl_state_export;
extern const ctl_command ctl_dlq_list, ctl_dlq_show, ctl_dlq_replay, ctl_dlq_drop;

#endif
