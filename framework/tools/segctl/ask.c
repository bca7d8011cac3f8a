#include "ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "context.h"

int ctl_ask(bool yes, const char *format, ...)
{
	char what[1024], answer[16];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (yes)
		return 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return ctl_complain(EX_USAGE, "%s? There is no terminal for the answer; add --yes", what);
	fflush(stdout);
	fprintf(stderr, "%s? [y/N] ", what);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (strcasecmp(answer, "y\n") == 0 || strcasecmp(answer, "yes\n") == 0))
		return 0;
	return ctl_complain(CTL_EXIT_NOT_DONE, "nothing was done");
}
