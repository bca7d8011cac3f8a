/*
 * dispatch.h - hands the messages of a buffer to the plugin, in order, and does what the plugin answers. Worker.
 */
#ifndef SEG_WORK_DISPATCH_H
#define SEG_WORK_DISPATCH_H

#include "work/permission.h"

/* Returns when all messages of the buffer are done, or when the worker must stop: then some may not be. */
seg_step seg_dispatch_buffer(seg_task *task, seg_fetched *buffer);

#endif
