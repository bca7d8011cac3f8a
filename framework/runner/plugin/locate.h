/* locate.h - finds the file of a plugin. Main thread. */
#ifndef SEG_PLUGIN_LOCATE_H
#define SEG_PLUGIN_LOCATE_H

#include <stddef.h>

#include <segmenter/segmenter.h>

/*
 * The path of a plugin: `name` itself if it contains a '/', else NAME.so in `directory`. If `directory` is
 * NULL, the directory that segrunner's own plugins are installed in, relative to this program. Returns a text
 * that the caller frees, or NULL if memory ran out. The file may not exist.
 */
char *seg_plugin_locate(const char *name, const char *directory);

/*
 * Puts the names of the plugins in the directory (NULL: as above), at most `size`, into names[], sorted; the caller frees
 * each. Files of segbench there are no plugins for users. 0, or SEG_ENOTFOUND if the directory cannot be read; then
 * *count is 0.
 */
int seg_plugin_names(const char *directory, char **names, size_t size, size_t *count, seg_error *error);

/*
 * Fails with SEG_ENOTFOUND: no file is at `path`, where seg_plugin_locate looked for `name`. Suggests a plugin
 * that is there.
 */
int seg_plugin_not_found(const char *name, const char *path, seg_error *error);

#endif
