/* path.h - paths that a configuration file holds. Pure; any thread. */
#ifndef SEG_CONFIG_PATH_H
#define SEG_CONFIG_PATH_H

/*
 * Resolves a path that stands in `file`: a relative path starts at the file's directory; an absolute path and
 * "-" stay as they are. `file` may be NULL. Returns a text that the caller frees, or NULL if memory ran out.
 */
char *seg_config_path(const char *file, const char *text);

#endif
