/* file.h - opens the file of a plugin, and refuses a file that is not safe to load. Main thread. */
#ifndef SEG_PLUGIN_FILE_H
#define SEG_PLUGIN_FILE_H

#include <segmenter/segmenter.h>

/*
 * Opens the file at `path`, where the plugin `name` was located, for reading. Checks that only the owner of
 * the process or root can change the file, or the directories that lead to it (base/trust.h), and that it is a
 * shared object for this machine. Returns the
 * descriptor, SEG_ENOTFOUND or SEG_EINVAL; the error names the file, what is wrong, and how to mend it.
 */
int seg_plugin_file_open(const char *name, const char *path, seg_error *error);

#endif
