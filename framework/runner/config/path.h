/* path.h - the path of a configuration file, and paths that it holds. Any thread. */
#ifndef SEG_CONFIG_PATH_H
#define SEG_CONFIG_PATH_H

/*
 * Resolves a path that stands in `file`: a relative path starts at the file's directory; an absolute path and
 * "-" stay as they are. `file` may be NULL. Returns a text that the caller frees, or NULL if memory ran out. Pure.
 */
char *seg_config_path(const char *file, const char *text);

/*
 * The absolute path of a file whose path starts at the current directory. Links stay as they are: they may point elsewhere when the file is
 * read again. Where the current directory is gone, the path stays as it is. Returns a text that the caller frees, or NULL if memory ran
 * out.
 */
char *seg_config_path_absolute(const char *file);

#endif
