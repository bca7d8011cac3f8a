#include "host/errand.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *run(void *arg)
{
	seg_errand *errand = arg;
	uint64_t one = 1;
	errand->call(errand->arg);
	atomic_store(&errand->returned, true);
	ssize_t written = write(errand->fd, &one, sizeof(one));
	(void)written;
	return NULL;
}

void seg_errand_start(seg_errand *errand, void (*call)(void *arg), void *arg)
{
	errand->call = call;
	errand->arg = arg;
	atomic_store(&errand->returned, false);
	errand->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (errand->fd >= 0 && pthread_create(&errand->thread, NULL, run, errand) == 0)
		return;
	if (errand->fd >= 0)
		close(errand->fd);
	errand->fd = -1;
	call(arg);
	atomic_store(&errand->returned, true);
}

bool seg_errand_finish(seg_errand *errand)
{
	if (!atomic_load(&errand->returned))
		return false;
	if (errand->fd >= 0) {
		pthread_join(errand->thread, NULL);
		close(errand->fd);
	}
	return true;
}

void seg_errand_leave(seg_errand *errand)
{
	if (errand->fd >= 0)
		pthread_detach(errand->thread);
}
