/* roster.h - the members of a group, read for a command. */
#ifndef CTL_ROSTER_H
#define CTL_ROSTER_H

#include "context.h"
#include "look/roster.h"

typedef seg_roster ctl_roster;
typedef seg_roster_member ctl_member;

/* 0, or an exit code, its reason printed. Free with ctl_roster_free in any case. */
int ctl_roster_read(ctl_context *context, const char *stream, const char *group, ctl_roster *roster);
void ctl_roster_free(ctl_roster *roster);

/* "a, b and 3 more": the names of the members with a valid lease. Returns text. */
char *ctl_roster_names(const ctl_roster *roster, char *text, size_t size);

#endif
