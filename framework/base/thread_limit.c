#include "base/thread_limit.h"

#include <errno.h>

const char *seg_thread_limit_advice(int failure)
{
	/* pthread_create(3) also says EAGAIN where there is no memory for the stack. */
	return failure == EAGAIN ? "; raise the limit of threads (ulimit -u, TasksMax), or of memory" : "";
}
