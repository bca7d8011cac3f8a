#include "roster.h"

#include <stdio.h>
#include <sysexits.h>

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

int ctl_roster_refuse_live(const ctl_roster *roster, const char *stream, const char *group)
{
	char names[512];
	if (roster->live == 0)
		return EX_OK;
	return ctl_complain(CTL_EXIT_NOT_DONE,
			    "group \"%s\" of stream \"%s\" has live members (%s); stop them, make them "
			    "stand by (SIGUSR1), or use --force",
			    group, stream, names_of_live(roster, names, sizeof(names)));
}
