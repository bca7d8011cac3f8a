/* when.h - a place in a stream, or a time, as options name it. */
#ifndef CTL_WHEN_H
#define CTL_WHEN_H

#include "context.h"

/* What options that ctl_when_read reads accept. */
#define CTL_WHEN_HELP \
	"earliest, latest, after an id, at a time (2026-11-23T13:00:00Z), or so long ago (10min)"

/*
 * Reads earliest, latest, an id, a time, or an age, which counts back from now by Redis's clock: ids have its times. An age
 * becomes a time. `option` names the option in an error. 0, or an exit code after one line on standard error.
 */
int ctl_when_read(ctl_context *context, const char *option, const char *text, seg_start *start);

/* The same where only a time or an age makes sense. */
int ctl_when_read_time(ctl_context *context, const char *option, const char *text, uint64_t *ms);

#endif
