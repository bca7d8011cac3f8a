#include "work/handler_thread.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "plugin/call.h"

static void pin(int cpu, const seg_logger *logger)
{
	cpu_set_t set;
	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	int failure = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (failure)
		seg_log(logger, SEG_LOG_WARNING, "cannot pin the worker to cpu %d: %s", cpu,
			strerror(failure));
}

void seg_handler_thread_begin(const char *name, int cpu, const seg_logger *logger)
{
	/* By the thread itself: naming another thread opens a file in /proc, which costs more than starting it. */
	pthread_setname_np(pthread_self(), name);
	pin(cpu, logger);
	seg_plugin_call_watch_stack();
}
