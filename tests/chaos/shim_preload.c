/* shim_preload.c - the library that shim.h describes. It stands before libc. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "chaos/shim.h"

enum { MS_PER_S = 1000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static chaos_shim *shim;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CHAOS_SHIM");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*shim), PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		shim = map;
	if (fd >= 0)
		close(fd);
	/* Its children run as they are. */
	unsetenv("LD_PRELOAD");
}

static void shift(struct timespec *t)
{
	int64_t ms = shim ? atomic_load_explicit(&shim->clock_ms, memory_order_relaxed) : 0;
	t->tv_sec += ms / MS_PER_S;
	t->tv_nsec += ms % MS_PER_S * NS_PER_MS;
	if (t->tv_nsec >= NS_PER_S || t->tv_nsec < 0) {
		int carry = t->tv_nsec < 0 ? -1 : 1;
		t->tv_sec += carry;
		t->tv_nsec -= carry * (long)NS_PER_S;
	}
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int result = (int)syscall(SYS_clock_gettime, clock, t);
	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		shift(t);
	return result;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *result)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (result)
		*result = now.tv_sec;
	return now.tv_sec;
}

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
	static _Atomic(create_fn *) next;
	create_fn *create = atomic_load(&next);
	if (shim && atomic_load_explicit(&shim->no_threads, memory_order_relaxed))
		return EAGAIN;
	if (!create) {
		/* ISO C knows no conversion of an object's address to a function's. */
		*(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
		atomic_store(&next, create);
	}
	return create(thread, attributes, run, arg);
}
