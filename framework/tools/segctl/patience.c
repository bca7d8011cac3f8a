#include "patience.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/plural.h"
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

/* The complaints of one attempt. */
typedef struct {
	char **list;
	size_t count;
} complaints;

static void keep(void *arg, const char *text)
{
	complaints *c = arg;
	c->list = ctl_reallocate(c->list, c->count + 1, sizeof(*c->list));
	c->list[c->count++] = ctl_copy(text, strlen(text));
}

static void drop(complaints *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->list[i]);
	free(c->list);
	*c = (complaints){0};
}

/* Each has its line, as without patience. */
static int print(const complaints *c, int exit_code, const char *more)
{
	for (size_t i = 0; i < c->count; i++)
		ctl_complain(exit_code, "%s%s", c->list[i], more);
	return exit_code;
}

/* Many groups may wait for long: one line tells enough. */
static int print_first(const complaints *c, int exit_code)
{
	size_t others = c->count - 1;
	if (others == 0)
		return ctl_complain(exit_code, "waiting: %s", c->list[0]);
	return ctl_complain(exit_code, "waiting: %s; and %zu other reason%s", c->list[0], others,
			    seg_plural(others));
}

int ctl_persist(int64_t timeout, int (*attempt)(void *arg, int64_t left), void *arg)
{
	char limit[SEG_UNITS_TEXT_MAX], gave_up[SEG_UNITS_TEXT_MAX + 32];
	complaints reasons = {0};
	int64_t begun = seg_now(), pause = PAUSE_LEAST;
	int said = EX_OK;
	for (;;) {
		int64_t waited = seg_now() - begun, left = timeout - waited;
		drop(&reasons);
		ctl_complaints_pass(keep, &reasons);
		int exit_code = attempt(arg, left);
		ctl_complaints_to(NULL, 0);
		waited = seg_now() - begun;
		left = timeout - waited;
		bool mends = may_mend(exit_code);
		if (exit_code == EX_OK || !mends || left <= 0) {
			snprintf(gave_up, sizeof(gave_up), "; gave up after %s",
				 seg_units_duration_format(timeout, limit));
			print(&reasons, exit_code, mends ? gave_up : "");
			drop(&reasons);
			return exit_code;
		}
		if (waited >= SILENCE && exit_code != said && reasons.count > 0)
			said = print_first(&reasons, exit_code);
		ctl_pause(pause < left ? pause : left);
		pause = pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
	}
}
