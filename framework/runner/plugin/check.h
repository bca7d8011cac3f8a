/* check.h - finds mistakes in the seg_handler that a plugin declares. Pure; any thread. */
#ifndef SEG_PLUGIN_CHECK_H
#define SEG_PLUGIN_CHECK_H

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

/*
 * Whether `handler`, which the plugin's entry returned, is a seg_handler of this ABI that is long enough.
 * `path` is the plugin's file. Returns 0, or SEG_EINVAL with the mistake.
 */
int seg_plugin_check_struct(const char *path, const seg_handler *handler, seg_error *error);

/*
 * Whether the name, the functions and the options of a whole seg_handler are right. Returns 0, or SEG_EINVAL.
 */
int seg_plugin_check_handler(const char *path, const seg_handler *handler, seg_error *error);

#endif
