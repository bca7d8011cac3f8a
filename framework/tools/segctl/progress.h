/*
 * progress.h - a line on the terminal that tells how far something is; nothing where standard error is none.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ctl_progress {
	const char *verb; /* "sent" */
	bool shown;       /* standard error is a terminal */
	int64_t started, drawn;
} ctl_progress;

ctl_progress ctl_progress_start(const char *verb);

/* Draws it anew, at most five times a second. part: of all that there is, 0 to 1; negative: not known. */
void ctl_progress_draw(ctl_progress *progress, uint64_t count, double part);

/* Wipes the line. */
void ctl_progress_end(ctl_progress *progress);

#endif
