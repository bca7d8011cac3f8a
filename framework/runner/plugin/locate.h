/* locate.h - finds the file of a plugin. Main thread. */
#ifndef SEG_PLUGIN_LOCATE_H
#define SEG_PLUGIN_LOCATE_H

#include <segmenter/segmenter.h>

/*
 * The path of a plugin: `name` itself if it contains a '/', else NAME.so in `directory`. If `directory` is
 * NULL, the directory that segrunner's own plugins are installed in, relative to this program. Returns a text
 * that the caller frees, or NULL if memory ran out. The file may not exist.
 */
char *seg_plugin_locate(const char *name, const char *directory);

/*
 * Fails with SEG_ENOTFOUND: no file is at `path`, where seg_plugin_locate looked for `name`. Suggests a plugin
 * that is there.
 */
int seg_plugin_not_found(const char *name, const char *path, seg_error *error);

#endif
