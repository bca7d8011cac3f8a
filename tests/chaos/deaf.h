/*
 * deaf.h - a log that goes to a full pipe which nobody reads, until somebody does. No threads.
 */
#ifndef CHAOS_DEAF_H
#define CHAOS_DEAF_H

/* Makes a full pipe, as small as possible. Returns the end to read from; *log is the other one. Ends the program if it cannot. */
int chaos_deaf_make(int *log);

/* Appends what the pipe has by now to the file. */
void chaos_deaf_listen(int pipe, const char *path);

#endif
