/*
 * dispatch.h - hands fetched messages to the plugin, in order, and does what the plugin answers. Worker.
 */
#ifndef SEG_WORK_DISPATCH_H
#define SEG_WORK_DISPATCH_H

#include "work/permission.h"

/* Returns when all fetched messages are done, or when the worker must stop: then some may not be. */
seg_step seg_dispatch_fetched(seg_task *task, seg_fetched *fetched);

#endif
