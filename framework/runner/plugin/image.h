/*
 * image.h - the code of a plugin in this process: a private copy of the shared object on disk.
 *
 * The code is a copy for two reasons: the file may be overwritten while the code runs, and dlopen identifies
 * objects by file name and inode, so it would not load a new build beside the old one. The copy is in memory
 * (memfd_create); debuggers find it as /proc/PID/fd/N. An object that finds its libraries by $ORIGIN is
 * loaded from its file instead.
 *
 * A file that did not change since it was loaded is the same image, mapped once. Main thread.
 */
#ifndef SEG_PLUGIN_IMAGE_H
#define SEG_PLUGIN_IMAGE_H

#include <stdbool.h>

#include <segmenter/segmenter.h>

typedef struct seg_plugin_image seg_plugin_image;

/*
 * Loads the object at `path`, which is open for reading as fd, after a child process has tried it (probe.h).
 * Returns 0; SEG_EINVAL with the mistake and how to mend it; SEG_ESYSTEM or SEG_ENOMEM.
 */
int seg_plugin_image_load(const char *path, int fd, seg_plugin_image **image, seg_error *error);

/* NULL is allowed. */
void seg_plugin_image_unload(seg_plugin_image *image);

/* A symbol's address, or NULL. */
void *seg_plugin_image_symbol(const seg_plugin_image *image, const char *name);

/* Whether the file at `path` is the one that the image was loaded from, unchanged. */
bool seg_plugin_image_is_of(const seg_plugin_image *image, const char *path);

#endif
