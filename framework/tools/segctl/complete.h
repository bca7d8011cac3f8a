/* complete.h - what may stand at the end of a command line: the shells' completions ask `segctl complete`. */
#ifndef CTL_COMPLETE_H
#define CTL_COMPLETE_H

/*
 * Prints the words that may take the place of the last one of argv, one a line: commands, options, choices, and the names of
 * streams and groups, which it reads from Redis. Nothing where the shell shall offer files. Prints no error. Returns 0.
 */
int ctl_complete(int argc, char **argv);

#endif
