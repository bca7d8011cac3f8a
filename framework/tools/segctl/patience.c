#include "patience.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/units.h"
#include "complain.h"
#include "context.h"

#define PAUSE_LEAST (SEG_SECOND / 20)
#define PAUSE_MOST (SEG_SECOND / 2)
#define SILENCE (2 * SEG_SECOND)

static bool may_mend(int exit_code)
{
	return exit_code == CTL_EXIT_LIMIT || exit_code == EX_NOINPUT || exit_code == EX_UNAVAILABLE ||
	       exit_code == EX_TEMPFAIL;
}

int ctl_persist(int64_t timeout, int (*attempt)(void *arg, int64_t left), void *arg)
{
	char text[4 * SEG_ERROR_TEXT_MAX], limit[SEG_UNITS_TEXT_MAX];
	int64_t begun = seg_now(), pause = PAUSE_LEAST;
	int said = EX_OK;
	for (;;) {
		int64_t waited = seg_now() - begun, left = timeout - waited;
		ctl_complaints_to(text, sizeof(text));
		int exit_code = attempt(arg, left);
		ctl_complaints_to(NULL, 0);
		if (exit_code == EX_OK)
			return EX_OK;
		if (!may_mend(exit_code))
			return ctl_complain(exit_code, "%s", text);
		waited = seg_now() - begun;
		left = timeout - waited;
		if (left <= 0)
			return ctl_complain(exit_code, "%s; gave up after %s", text,
					    seg_units_duration_format(timeout, limit));
		if (waited >= SILENCE && exit_code != said)
			said = ctl_complain(exit_code, "waiting: %s", text);
		ctl_pause(pause < left ? pause : left);
		pause = pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
	}
}
