/*
 * probe.h - tries a shared object in a child process, before this one trusts it.
 *
 * dlopen runs the object's constructors, and nothing in this process survives one that crashes, throws, exits
 * or never returns. So they run in a child first; what does not come back from there is refused with a
 * clear line. What such code prints, it prints twice.
 *
 * The child is segrunner again, not a fork: other threads may hold locks of the dynamic loader or of malloc, and a
 * fork's copy of those is never given back.
 */
#ifndef SEG_PLUGIN_PROBE_H
#define SEG_PLUGIN_PROBE_H

#include <stdint.h>

#include <segmenter/segmenter.h>

/* The command, in front of the arguments of seg_plugin_probe_child, that is not for people. */
#define SEG_PLUGIN_PROBE_COMMAND "--probe-plugin"

/*
 * Loads `path` (or copy, a file descriptor, if it is not -1: `path` is for messages then) in a child and calls its
 * SEG_HANDLER_SYMBOL, if it has one. Returns 0 if the child came back
 * from both, whether or not they succeeded; SEG_EINVAL if it did not within `timeout` nanoseconds, with the
 * reason; SEG_ESYSTEM if no child could be started. The main thread's.
 */
int seg_plugin_probe(const char *path, int copy, int64_t timeout, seg_error *error);

/* What that child does: its arguments are the path, the copy's number or -1, and that of the pipe it answers on. */
_Noreturn void seg_plugin_probe_child(char *const arguments[3]);

/* For programs that are not segrunner themselves: where it is. The text is kept by the caller. */
void seg_plugin_probe_by(const char *segrunner);

#endif
