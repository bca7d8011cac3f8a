#include "redis/master.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/error.h"

struct seg_master {
	atomic_uint generation; /* written under the lock */
	int doubt_fd;           /* an eventfd */
	pthread_mutex_t lock;
	seg_endpoint endpoint; /* host NULL: not known */
	seg_error missing;     /* why it is not known; status 0: not known yet */
};

int seg_master_create(seg_master **out, seg_error *error)
{
	seg_master *master = calloc(1, sizeof(*master));
	if (!master)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	master->doubt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (master->doubt_fd < 0) {
		int failure = errno;
		free(master);
		return seg_fail(error, SEG_ESYSTEM, "no eventfd for the Sentinels: %s%s", strerror(failure),
				seg_descriptors_advice(failure));
	}
	pthread_mutex_init(&master->lock, NULL);
	*out = master;
	return 0;
}

void seg_master_destroy(seg_master *master)
{
	if (!master)
		return;
	close(master->doubt_fd);
	pthread_mutex_destroy(&master->lock);
	free(master->endpoint.host);
	free(master);
}

static int look(const seg_master *master, seg_endpoint *endpoint, seg_error *error)
{
	if (!master->endpoint.host && master->missing.status)
		return seg_fail(error, master->missing.status, "%s", master->missing.text);
	if (!master->endpoint.host)
		return 0;
	char *host = strdup(master->endpoint.host);
	if (!host)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	*endpoint = (seg_endpoint){.host = host, .port = master->endpoint.port};
	return 1;
}

int seg_master_look(seg_master *master, seg_endpoint *endpoint, unsigned *generation, seg_error *error)
{
	pthread_mutex_lock(&master->lock);
	int found = look(master, endpoint, error);
	*generation = seg_master_generation(master);
	pthread_mutex_unlock(&master->lock);
	return found;
}

unsigned seg_master_generation(const seg_master *master)
{
	return atomic_load_explicit(&master->generation, memory_order_relaxed);
}

void seg_master_doubt(seg_master *master, unsigned generation)
{
	if (generation == seg_master_generation(master))
		(void)eventfd_write(master->doubt_fd, 1);
}

static bool replace(seg_master *master, const char *host, uint16_t port)
{
	seg_endpoint *known = &master->endpoint;
	if (known->host && strcmp(known->host, host) == 0 && known->port == port)
		return false;
	char *copy = strdup(host);
	if (!copy)
		return false;
	free(known->host);
	*known = (seg_endpoint){.host = copy, .port = port};
	atomic_fetch_add_explicit(&master->generation, 1, memory_order_relaxed);
	return true;
}

bool seg_master_found(seg_master *master, const char *host, uint16_t port)
{
	pthread_mutex_lock(&master->lock);
	bool differs = replace(master, host, port);
	master->missing.status = 0;
	pthread_mutex_unlock(&master->lock);
	return differs;
}

void seg_master_missing(seg_master *master, const seg_error *why)
{
	pthread_mutex_lock(&master->lock);
	master->missing = *why;
	pthread_mutex_unlock(&master->lock);
}

int seg_master_doubt_fd(const seg_master *master)
{
	return master->doubt_fd;
}

bool seg_master_take_doubt(seg_master *master)
{
	eventfd_t count;
	return eventfd_read(master->doubt_fd, &count) == 0;
}
