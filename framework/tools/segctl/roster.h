/* roster.h - the members of a group, read for a command. */
#ifndef CTL_ROSTER_H
#define CTL_ROSTER_H

#include <stdbool.h>

#include "context.h"
#include "keyspace.h"
#include "look/roster.h"

typedef seg_roster ctl_roster;
typedef seg_roster_member ctl_member;

/* 0, or an exit code after one line on standard error. Free with ctl_roster_free in any case. */
int ctl_roster_read(ctl_context *context, const char *stream, const char *group, ctl_roster *roster);
void ctl_roster_free(ctl_roster *roster);

/*
 * For a command that must not run while members are alive: 0 if no member has a valid lease, else CTL_EXIT_NOT_DONE after
 * one line that names the members.
 */
int ctl_roster_refuse_live(const ctl_roster *roster, const char *stream, const char *group);

/*
 * The same of several groups, of which only the leases are read. unknown_may_live: leases that cannot be read, because their key
 * holds something else, stand against it, too. Without it the code is EX_PROTOCOL then.
 */
int ctl_roster_refuse_any_live(ctl_context *context, const char *stream, const ctl_keys *groups,
			       bool unknown_may_live);

#endif
