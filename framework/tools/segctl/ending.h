/*
 * ending.h - a signal that ends a command which accounts for what it did. SIGINT, SIGTERM and SIGHUP, unless they are ignored. A second one
 * ends segctl at once. The main thread; the library's threads take no signals.
 */
#ifndef CTL_ENDING_H
#define CTL_ENDING_H

/* From now on, these signals end only what waits: reads of the descriptor given to ctl_ending_cuts, and pauses. Redis is not given up. */
void ctl_ending_catch(void);

/* The signal that has come, or 0. */
int ctl_ending_signal(void);

/* A signal makes this descriptor /dev/null: a read that waits ends, and no later read waits. -1: none any more. */
void ctl_ending_cuts(int fd);

/* Ends segctl as the signal that came does; returns if none came. */
void ctl_ending_obey(void);

#endif
