/* progress.h - a line on stderr that tells how far a run is, where stderr is a terminal. The main thread's. */
#ifndef CHAOS_PROGRESS_H
#define CHAOS_PROGRESS_H

#include <stddef.h>

/* `done` of `all` things are over; what: their plural. */
void chaos_progress(const char *what, size_t done, size_t all);

/* The line goes away: something else is to be written. */
void chaos_progress_end(void);

#endif
