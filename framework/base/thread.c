#include "base/thread.h"

#include <errno.h>

void seg_thread_block_signals(sigset_t *before)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	sigset_t set;
	sigfillset(&set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	pthread_sigmask(SIG_SETMASK, &set, before);
}

int seg_thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg)
{
	sigset_t before;
	seg_thread_block_signals(&before);
	int failure = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure == 0)
		pthread_setname_np(*thread, name);
	return failure;
}

const char *seg_thread_limit_advice(int failure)
{
	/* pthread_create(3) also says EAGAIN where there is no memory for the stack. */
	return failure == EAGAIN ? "; raise the limit of threads (ulimit -u, TasksMax), or of memory" : "";
}
