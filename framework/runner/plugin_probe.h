/*
 * plugin_probe.h - tries a shared object in a child process, before this one trusts it.
 *
 * dlopen runs the object's constructors, and nothing in this process survives one that crashes, throws, exits
 * or never returns. So they run in a forked child first; what does not come back from there is refused with a
 * clear line. What such code prints, it prints twice.
 */
#ifndef SEG_RUNNER_PLUGIN_PROBE_H
#define SEG_RUNNER_PLUGIN_PROBE_H

#include <stdint.h>

#include <segmenter/segmenter.h>

/*
 * Loads `path` (or copy, a file descriptor, if it is not -1: `path` is for messages then) in a child and calls its
 * SEG_HANDLER_SYMBOL, if it has one. Returns 0 if the child came back
 * from both, whether or not they succeeded; SEG_EINVAL if it did not within `timeout` nanoseconds, with the
 * reason; SEG_ESYSTEM if no child could be made. To be called while this process has no threads that hold
 * locks of the dynamic loader.
 */
int seg_plugin_probe(const char *path, int copy, int64_t timeout, seg_error *error);

#endif
