#include "base/thread_limit.h"

#include <errno.h>

const char *seg_thread_limit_advice(int failure)
{
	return failure == EAGAIN ? "; raise the limit of threads (ulimit -u, TasksMax)" : "";
}
