/* live.h - the refusal to change a group, or delete a stream, while members of the group are alive. */
#ifndef CTL_LIVE_H
#define CTL_LIVE_H

#include "roster.h"

/* 0 if no member is alive, else EX_TEMPFAIL after one line that names the members. */
int ctl_live_refuse(const ctl_roster *roster, const char *stream, const char *group);

/* The same, for a group whose roster is still to be read. */
int ctl_live_refuse_group(ctl_context *context, const char *stream, const char *group);

#endif
