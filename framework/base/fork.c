#include "base/fork.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int failure;
static atomic_uint forks;

static void count_fork(void)
{
	atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static void watch(void)
{
	failure = pthread_atfork(NULL, NULL, count_fork);
}

int seg_fork_watch(void)
{
	pthread_once(&once, watch);
	return failure ? SEG_ENOMEM : 0;
}

unsigned seg_fork_count(void)
{
	return atomic_load_explicit(&forks, memory_order_relaxed);
}

bool seg_fork_is_parents(unsigned count)
{
	return count != seg_fork_count();
}

int seg_fork_fail(const char *object, seg_error *error)
{
	return seg_fail(
		error, SEG_EFORKED,
		"this %s belongs to the parent process: it was opened before fork(); open a client of its own "
		"in the child",
		object);
}
