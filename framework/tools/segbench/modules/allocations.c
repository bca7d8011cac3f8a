/*
 * allocations.c - a library that segbench preloads into a segrunner. It counts the segrunner's calls of
 * malloc and its kin in segbench's tally.
 *
 * glibc's functions allocate the memory, under the names that begin with __libc_.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "measure/tally.h"

#define EXPORTED __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

EXPORTED int posix_memalign(void **pointer, size_t alignment, size_t size);
EXPORTED void *aligned_alloc(size_t alignment, size_t size);

static tally *shared;

__attribute__((constructor)) static void map_tally(void)
{
	const char *path = getenv(TALLY_VARIABLE);
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *mapped = mmap(NULL, sizeof(tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped != MAP_FAILED)
		shared = mapped;
}

static void count(void)
{
	if (shared)
		atomic_fetch_add_explicit(&shared->allocations, 1, memory_order_relaxed);
}

EXPORTED void *malloc(size_t size)
{
	count();
	return __libc_malloc(size);
}

EXPORTED void *calloc(size_t n, size_t size)
{
	count();
	return __libc_calloc(n, size);
}

EXPORTED void *realloc(void *pointer, size_t size)
{
	count();
	return __libc_realloc(pointer, size);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size)
{
	count();
	return __libc_memalign(alignment, size);
}

EXPORTED int posix_memalign(void **pointer, size_t alignment, size_t size)
{
	count();
	*pointer = __libc_memalign(alignment, size);
	return *pointer ? 0 : ENOMEM;
}
