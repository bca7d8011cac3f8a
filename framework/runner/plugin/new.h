/* new.h - `segrunner new-plugin`: creates the project of a new plugin, which builds and has a test. */
#ifndef SEG_PLUGIN_NEW_H
#define SEG_PLUGIN_NEW_H

#include <stdbool.h>

/*
 * Creates the directory `name`, which must not exist, and the project's files in it, and prints the next
 * steps. Returns an exit code of sysexits(3); writes the reason of a failure to standard error.
 */
int seg_plugin_new(const char *name, bool cpp);

#endif
