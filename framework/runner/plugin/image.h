/*
 * image.h - the code of a plugin in this process: a private copy of the shared object on disk.
 *
 * It is a copy, since the file may be overwritten while its code runs, and since dlopen tells objects apart by file name and
 * inode: a new build could not be loaded beside the old one. The copy lives in memory (memfd_create), and debuggers
 * find it as /proc/PID/fd/N. An object that looks for its libraries beside itself ($ORIGIN) is loaded from its file.
 *
 * A file that has not changed since it was loaded is the same image, mapped once. Functions are the main thread's.
 */
#ifndef SEG_PLUGIN_IMAGE_H
#define SEG_PLUGIN_IMAGE_H

#include <stdbool.h>

#include <segmenter/segmenter.h>

typedef struct seg_plugin_image seg_plugin_image;

/*
 * Tries the object at `path`, open for reading as fd, in a child process (plugin_probe.h), and loads it. 0; SEG_EINVAL with
 * what is wrong and how to mend it; SEG_ESYSTEM or SEG_ENOMEM.
 */
int seg_plugin_image_load(const char *path, int fd, seg_plugin_image **image, seg_error *error);

/* NULL is allowed. */
void seg_plugin_image_unload(seg_plugin_image *image);

/* A symbol's address, or NULL. */
void *seg_plugin_image_symbol(const seg_plugin_image *image, const char *name);

/* Whether the file at `path` is, unchanged, what the image was loaded from. */
bool seg_plugin_image_is_of(const seg_plugin_image *image, const char *path);

#endif
