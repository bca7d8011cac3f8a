/*
 * probe.h - tries a shared object in a child process, before this process loads it. Main thread.
 *
 * dlopen runs the object's constructors. This process would not survive a constructor that crashes, throws,
 * exits or never returns, so a child process runs them first, and an object whose child does not return from
 * them is refused. What a constructor prints is therefore printed twice.
 *
 * The child is a new segrunner, not a fork: other threads may hold locks of the dynamic loader or of malloc,
 * which nobody would release in a fork.
 */
#ifndef SEG_PLUGIN_PROBE_H
#define SEG_PLUGIN_PROBE_H

#include <stdint.h>

#include <segmenter/segmenter.h>

/* The internal command of segrunner that takes the arguments of seg_plugin_probe_child. */
#define SEG_PLUGIN_PROBE_COMMAND "--probe-plugin"

/*
 * Loads the object at `path` in a child process, and calls its SEG_HANDLER_SYMBOL, if it has one. If copy is
 * not -1, the child loads that file descriptor, and `path` is only for error texts. Returns 0 if both calls
 * returned, with success or not; SEG_EINVAL with the reason if they did not return within `timeout`
 * nanoseconds; SEG_ESYSTEM if no child could be started.
 */
int seg_plugin_probe(const char *path, int copy, int64_t timeout, seg_error *error);

/*
 * The child's work. The arguments are the path, the number of the copy or -1, and the number of the pipe to
 * answer on.
 */
_Noreturn void seg_plugin_probe_child(char *const arguments[3]);

/* Sets the path of segrunner, for programs that are not segrunner themselves. The caller keeps the text. */
void seg_plugin_probe_by(const char *segrunner);

#endif
