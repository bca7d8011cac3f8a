/* new.h - `segrunner new-plugin`: a project to start from, which builds and has a test. */
#ifndef SEG_PLUGIN_NEW_H
#define SEG_PLUGIN_NEW_H

#include <stdbool.h>

/*
 * Makes the directory `name`, which must not be there, and its files, and says what to do next. Returns an exit code of
 * sysexits(3), with the reason on standard error.
 */
int seg_plugin_new(const char *name, bool cpp);

#endif
