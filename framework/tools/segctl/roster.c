#include "roster.h"

#include <stdio.h>
#include <sysexits.h>

#include "doctor/members.h"

enum { NAMES_SHOWN = 3 };

int ctl_roster_read(ctl_context *context, const char *stream, const char *group, ctl_roster *roster)
{
	seg_error error;
	int status = seg_roster_read(context->client, stream, group, roster, &error);
	return status ? ctl_complain(ctl_exit_code(status), "cannot read the members of the group: %s",
				     error.text)
		      : 0;
}

void ctl_roster_free(ctl_roster *roster)
{
	seg_roster_free(roster);
}

/* "a, b and 3 more": the names of the members with a valid lease. Returns text. */
static char *names_of_live(const ctl_roster *roster, char *text, size_t size)
{
	size_t used = 0, shown = 0;
	text[0] = '\0';
	for (size_t i = 0; i < roster->count && shown < NAMES_SHOWN && used < size; i++)
		if (roster->members[i].lease_left > 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s", shown++ ? ", " : "",
						 roster->members[i].name);
	if (shown < roster->live && used < size)
		snprintf(text + used, size - used, " and %zu more", roster->live - shown);
	return text;
}

static int refuse(const char *stream, const char *group, const char *names)
{
	return ctl_complain(CTL_EXIT_NOT_DONE,
			    "group \"%s\" of stream \"%s\" has live members (%s); stop them, make them "
			    "stand by (SIGUSR1), or use --force",
			    group, stream, names);
}

int ctl_roster_refuse_live(const ctl_roster *roster, const char *stream, const char *group)
{
	char names[512];
	return roster->live ? refuse(stream, group, names_of_live(roster, names, sizeof(names))) : EX_OK;
}

int ctl_roster_refuse_any_live(ctl_context *context, const char *stream, const ctl_keys *groups,
			       bool unknown_may_live)
{
	for (size_t i = 0; i < groups->count; i++) {
		seg_live_members members;
		seg_error error;
		int status =
			seg_live_members_read(context->client, stream, groups->list[i], &members, &error);
		if (status == SEG_EPROTOCOL && unknown_may_live)
			return ctl_complain(
				CTL_EXIT_NOT_DONE,
				"nobody can tell whether group \"%s\" of stream \"%s\" has live members: "
				"%s; or make sure that there is none, and use --force",
				groups->list[i], stream, error.text);
		if (status)
			return ctl_fail(&error);
		if (members.count > 0)
			return refuse(stream, groups->list[i], members.names);
	}
	return EX_OK;
}
