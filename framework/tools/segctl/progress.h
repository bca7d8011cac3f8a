/* progress.h - a line on the terminal that shows the progress; nothing if standard error is no terminal. */
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

/* Draws the line, at most five times a second. part: the finished part, 0 to 1; negative: unknown. */
void ctl_progress_draw(ctl_progress *progress, uint64_t count, double part);

/* Erases the line. */
void ctl_progress_end(ctl_progress *progress);

#endif
