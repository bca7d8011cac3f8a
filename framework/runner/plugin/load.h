/*
 * load.h - a loaded plugin: a shared object whose handler was found to fit this segrunner. Main thread.
 */
#ifndef SEG_PLUGIN_LOAD_H
#define SEG_PLUGIN_LOAD_H

#include <stdbool.h>

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

typedef struct seg_plugin seg_plugin;

/*
 * Loads the plugin `name`: a path if it contains a '/', else NAME.so in `directory` (NULL: the directory of
 * segrunner's own plugins). A file that is loaded twice is mapped once, and gives two seg_plugin. A file that
 * changed since is loaded beside the old code (image.h).
 *
 * A child process loads the object first (probe.h). Returns 0; SEG_ENOTFOUND if there is no such file;
 * SEG_EINVAL if it is not a plugin or not safe to run, with the file, what is wrong, and how to mend it;
 * SEG_ESYSTEM or SEG_ENOMEM.
 */
int seg_plugin_load(const char *name, const char *directory, seg_plugin **plugin, seg_error *error);

/* Closes the object. All its instances must have been destroyed. NULL is allowed. */
void seg_plugin_unload(seg_plugin *plugin);

/* Whether `name`, as for seg_plugin_load, leads to the file that the plugin was loaded from, unchanged. */
bool seg_plugin_is_of(const seg_plugin *plugin, const char *name, const char *directory);

/* The file that it was loaded from. The plugin owns the text. */
const char *seg_plugin_path(const seg_plugin *plugin);

/*
 * What the plugin declares; the plugin owns it. A whole struct even if the plugin's own is older and shorter:
 * the missing fields are NULL. version and help are never NULL.
 */
const seg_handler *seg_plugin_handler(const seg_plugin *plugin);

#endif
