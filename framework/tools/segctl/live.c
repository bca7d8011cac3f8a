#include "live.h"

#include <sysexits.h>

int ctl_live_refuse(const ctl_roster *roster, const char *stream, const char *group)
{
	char names[512];
	if (roster->live == 0)
		return EX_OK;
	return ctl_complain(EX_TEMPFAIL,
			    "group \"%s\" of stream \"%s\" has live members (%s); stop them, or use --force",
			    group, stream, ctl_roster_names(roster, names, sizeof(names)));
}

int ctl_live_refuse_group(ctl_context *context, const char *stream, const char *group)
{
	ctl_roster roster;
	int exit_code = ctl_roster_read(context, stream, group, &roster);
	if (exit_code == EX_OK)
		exit_code = ctl_live_refuse(&roster, stream, group);
	ctl_roster_free(&roster);
	return exit_code;
}
