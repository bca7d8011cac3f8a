/* progress.h - a line on stderr that shows how far a run is, if stderr is a terminal. Main thread only. */
#ifndef CHAOS_PROGRESS_H
#define CHAOS_PROGRESS_H

#include <stddef.h>

/* `done` of `all` things are over; `what` names the things, in the plural. */
void chaos_progress(const char *what, size_t done, size_t all);

/* Clears the line, so that other text can be printed. */
void chaos_progress_end(void);

#endif
