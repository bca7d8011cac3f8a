/*
 * describe.h - `segrunner plugins` and `segrunner plugin`: what plugins there are, and what options one has, as the plugin
 * itself declares them. Main thread.
 */
#ifndef SEG_PLUGIN_DESCRIBE_H
#define SEG_PLUGIN_DESCRIBE_H

#include <stdbool.h>

/*
 * Prints the name of each plugin in the directory (NULL: that of segrunner's own plugins), and what it does. Returns an exit
 * code of sysexits(3); the reasons of failures, and of plugins that cannot be loaded, go to standard error.
 */
int seg_plugin_print_all(const char *directory);

/* Prints what the plugin `name` (as in a configuration) does, and its options; man: as a manual page of section 7. */
int seg_plugin_print(const char *name, bool man);

#endif
