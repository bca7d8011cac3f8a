/*
 * fail_nth.so - with LD_PRELOAD, makes one call of a program fail, as a system without memory or descriptors
 * would.
 *
 *     FAIL_KIND    memory (malloc and its like) or system (write, send, recv, connect, socket, eventfd,
 *                  pthread_create)
 *     FAIL_NTH     the number of the call, counted over all threads from 1
 *     FAIL_COUNT   how many calls in a row fail from there on; the default is 1
 *     FAIL_REPORT  a file that gets the name of the call and its caller
 *     FAIL_BOARD   a file with a sweep_board (sizes.h)
 *
 * Calls from the plugin record.so never fail: how a plugin reacts is its own affair.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sizes.h"

#define EXPORT __attribute__((visibility("default")))

static long nth; /* 0: none */
static long in_a_row = 1;
static bool memory;
static const char *report;
static atomic_long count;
static sweep_board *board;

/*
 * False while libraries are initialised: a sanitizer that is loaded after this library cannot allocate yet.
 */
static bool ready;

static void map_board(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *page =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		abort();
	board = page;
	close(fd);
}

__attribute__((constructor)) static void read_environment(void)
{
	const char *number = getenv("FAIL_NTH"), *more = getenv("FAIL_COUNT"), *kind = getenv("FAIL_KIND");
	report = getenv("FAIL_REPORT");
	memory = kind && strcmp(kind, "memory") == 0;
	in_a_row = more ? strtol(more, NULL, 10) : 1;
	nth = number ? strtol(number, NULL, 10) : 0;
	if (getenv("FAIL_BOARD"))
		map_board(getenv("FAIL_BOARD"));
	ready = true;
}

/* The sanitizer asks for the bounds of each new thread's stack, and accepts no failure. */
static _Thread_local bool asked_by_sanitizer;

/* Uses system calls directly, because the C library's functions may be those that must fail. */
static void tell(const char *function, const Dl_info *caller, const void *address)
{
	char text[512];
	int length = snprintf(text, sizeof(text), "%s called from %s+0x%zx (%s)\n", function,
			      caller->dli_fname ? caller->dli_fname : "?",
			      (size_t)((const char *)address - (const char *)caller->dli_fbase),
			      caller->dli_sname ? caller->dli_sname : "?");
	long fd = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		syscall(SYS_write, fd, text, (size_t)length);
		syscall(SYS_close, fd);
	}
}

/* segrunner loads a plugin from a copy in memory, which has the plugin's name. */
static bool is_of_record(const char *file)
{
	char target[256];
	if (!file)
		return false;
	if (strncmp(file, "/proc/", strlen("/proc/")) == 0) {
		long n = syscall(SYS_readlinkat, AT_FDCWD, file, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		return strstr(target, "memfd:record.so") != NULL;
	}
	return strstr(file, "/record.so") != NULL;
}

static bool must_fail(bool is_memory, const char *function, const void *address)
{
	Dl_info caller = {0};
	if (nth == 0 || is_memory != memory || asked_by_sanitizer || !board || !board->open)
		return false;
	dladdr(address, &caller);
	if (is_of_record(caller.dli_fname))
		return false;
	long number = atomic_fetch_add(&count, 1) + 1;
	atomic_store(&board->calls, number);
	if (number < nth || number >= nth + in_a_row)
		return false;
	tell(function, &caller, address);
	return true;
}

#define MUST_FAIL(is_memory) must_fail(is_memory, __func__, __builtin_return_address(0))

/* The next definition of the function after this library's. */
#define NEXT(name)                                                       \
	__extension__({                                                  \
		static _Atomic(void *) next_;                            \
		void *found_ = atomic_load(&next_);                      \
		if (!found_)                                             \
			atomic_store(&next_, found_ = find_next(#name)); \
		(__typeof__(&name))(uintptr_t)found_;                    \
	})

static void *find_next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (!found)
		abort();
	return found;
}

/* --- memory ------------------------------------------------------------------------------------- */

/* Allocations from before the constructor ran; they are never freed. Each one's size is stored before it. */
static _Alignas(16) char early[256 * 1024];
static size_t early_used;

static void *allocate_early(size_t size)
{
	size_t whole = 16 + (size + 15) / 16 * 16;
	if (early_used + whole > sizeof(early))
		abort();
	char *piece = early + early_used + 16;
	memcpy(piece - 16, &size, sizeof(size));
	early_used += whole;
	return piece;
}

static bool is_early(const void *piece)
{
	return (const char *)piece >= early && (const char *)piece < early + sizeof(early);
}

EXPORT void *malloc(size_t size)
{
	if (!ready)
		return allocate_early(size);
	if (MUST_FAIL(true)) {
		errno = ENOMEM;
		return NULL;
	}
	return NEXT(malloc)(size);
}

EXPORT void free(void *piece)
{
	if (piece && !is_early(piece))
		NEXT(free)(piece);
}

EXPORT void *calloc(size_t n, size_t size)
{
	if (!ready)
		return allocate_early(n * size);
	if (MUST_FAIL(true)) {
		errno = ENOMEM;
		return NULL;
	}
	return NEXT(calloc)(n, size);
}

EXPORT void *realloc(void *old, size_t size)
{
	if (ready && MUST_FAIL(true)) {
		errno = ENOMEM;
		return NULL;
	}
	if (ready && !is_early(old))
		return NEXT(realloc)(old, size);
	size_t old_size = 0;
	if (old)
		memcpy(&old_size, (char *)old - 16, sizeof(old_size));
	void *larger = malloc(size);
	return larger && old ? memcpy(larger, old, old_size < size ? old_size : size) : larger;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	if (MUST_FAIL(true)) {
		errno = ENOMEM;
		return NULL;
	}
	return NEXT(aligned_alloc)(alignment, size);
}

EXPORT int posix_memalign(void **result, size_t alignment, size_t size)
{
	if (MUST_FAIL(true))
		return ENOMEM;
	return NEXT(posix_memalign)(result, alignment, size);
}

/* --- the system ----------------------------------------------------------------------------------- */

EXPORT ssize_t write(int fd, const void *bytes, size_t length)
{
	if (MUST_FAIL(false)) {
		errno = EIO;
		return -1;
	}
	return NEXT(write)(fd, bytes, length);
}

EXPORT ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
	if (MUST_FAIL(false)) {
		errno = EPIPE;
		return -1;
	}
	return NEXT(send)(fd, bytes, length, flags);
}

EXPORT ssize_t recv(int fd, void *bytes, size_t length, int flags)
{
	if (MUST_FAIL(false)) {
		errno = ECONNRESET;
		return -1;
	}
	return NEXT(recv)(fd, bytes, length, flags);
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	if (MUST_FAIL(false)) {
		errno = ECONNREFUSED;
		return -1;
	}
	return NEXT(connect)(fd, address, length);
}

EXPORT int socket(int domain, int type, int protocol)
{
	if (MUST_FAIL(false)) {
		errno = EMFILE;
		return -1;
	}
	return NEXT(socket)(domain, type, protocol);
}

EXPORT int eventfd(unsigned count_, int flags)
{
	if (MUST_FAIL(false)) {
		errno = EMFILE;
		return -1;
	}
	return NEXT(eventfd)(count_, flags);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
			  void *arg)
{
	if (MUST_FAIL(false))
		return EAGAIN;
	return NEXT(pthread_create)(thread, attributes, start, arg);
}

EXPORT int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
	asked_by_sanitizer = true;
	int failure = NEXT(pthread_getattr_np)(thread, attributes);
	asked_by_sanitizer = false;
	return failure;
}
