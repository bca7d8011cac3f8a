#include "redis/resolver.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/thread.h"

struct seg_lookup {
	char *host;
	char port[8];
	int done_fd;        /* an eventfd */
	atomic_uint owners; /* the caller, and the thread if there is one; the last one frees */
	atomic_bool done;   /* published after failure and list are written */
	int failure;        /* 0 or an EAI_... */
	struct addrinfo *list;
};

static void look_up(seg_lookup *lookup, int flags)
{
	struct addrinfo hints = {.ai_flags = flags, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	lookup->failure = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->list);
	if (lookup->failure)
		lookup->list = NULL;
}

static void publish(seg_lookup *lookup)
{
	atomic_store_explicit(&lookup->done, true, memory_order_release);
	(void)eventfd_write(lookup->done_fd, 1);
}

void seg_lookup_end(seg_lookup *lookup)
{
	if (!lookup || atomic_fetch_sub_explicit(&lookup->owners, 1, memory_order_acq_rel) > 1)
		return;
	if (lookup->list)
		freeaddrinfo(lookup->list);
	if (lookup->done_fd >= 0)
		close(lookup->done_fd);
	free(lookup->host);
	free(lookup);
}

static void *run(void *arg)
{
	seg_lookup *lookup = arg;
	look_up(lookup, 0);
	publish(lookup);
	seg_lookup_end(lookup);
	return NULL;
}

/* Returns 0 or an errno. */
static int start_thread(seg_lookup *lookup)
{
	pthread_t thread;
	int failure = seg_thread_start(&thread, "seg-resolver", run, lookup);
	if (failure == 0)
		pthread_detach(thread);
	return failure;
}

static seg_lookup *create(const char *host, uint16_t port, seg_error *error)
{
	seg_lookup *lookup = calloc(1, sizeof(*lookup));
	if (!lookup) {
		seg_fail(error, SEG_ENOMEM, "out of memory");
		return NULL;
	}
	atomic_init(&lookup->owners, 1);
	snprintf(lookup->port, sizeof(lookup->port), "%u", port);
	lookup->host = strdup(host);
	lookup->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lookup->host && lookup->done_fd >= 0)
		return lookup;
	if (!lookup->host)
		seg_fail(error, SEG_ENOMEM, "out of memory");
	else
		seg_fail(error, SEG_ESYSTEM, "no eventfd for looking up %s: %s%s", host, strerror(errno),
			 seg_descriptors_advice(errno));
	seg_lookup_end(lookup);
	return NULL;
}

seg_lookup *seg_lookup_start(const char *host, uint16_t port, seg_error *error)
{
	seg_lookup *lookup = create(host, port, error);
	if (!lookup)
		return NULL;
	look_up(lookup, AI_NUMERICHOST);
	if (lookup->failure == 0) {
		publish(lookup);
		return lookup;
	}
	atomic_store_explicit(&lookup->owners, 2, memory_order_relaxed);
	int failure = start_thread(lookup);
	if (failure == 0)
		return lookup;
	seg_fail(error, SEG_ESYSTEM, "cannot start a thread for looking up %s: %s%s", host, strerror(failure),
		 seg_thread_limit_advice(failure));
	atomic_store_explicit(&lookup->owners, 1, memory_order_relaxed);
	seg_lookup_end(lookup);
	return NULL;
}

int seg_lookup_fd(const seg_lookup *lookup)
{
	return lookup->done_fd;
}

bool seg_lookup_done(const seg_lookup *lookup)
{
	return atomic_load_explicit(&lookup->done, memory_order_acquire);
}

const struct addrinfo *seg_lookup_result(const seg_lookup *lookup, int *failure)
{
	*failure = lookup->failure;
	return lookup->list;
}
