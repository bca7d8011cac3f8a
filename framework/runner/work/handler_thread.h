/* handler_thread.h - how each thread that calls plugins begins. */
#ifndef SEG_WORK_HANDLER_THREAD_H
#define SEG_WORK_HANDLER_THREAD_H

#include "base/log.h"

/* What pthread_setname_np takes, the NUL included. */
enum { SEG_HANDLER_THREAD_NAME_MAX = 16 };

/* Names the calling thread, pins it to the cpu unless that is -1, and lets it write a last line if its stack overflows. */
void seg_handler_thread_begin(const char *name, int cpu, const seg_logger *logger);

#endif
