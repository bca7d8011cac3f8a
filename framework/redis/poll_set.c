#include "redis/poll_set.h"

#include <stdlib.h>

#include "base/clock.h"

enum { FIRST_CAPACITY = 8 };

void seg_poll_set_fini(seg_poll_set *set)
{
	free(set->fds);
	*set = (seg_poll_set){0};
}

void seg_poll_set_clear(seg_poll_set *set)
{
	set->count = 0;
}

static bool grow(seg_poll_set *set)
{
	nfds_t capacity = set->capacity ? set->capacity * 2 : FIRST_CAPACITY;
	struct pollfd *larger = realloc(set->fds, capacity * sizeof(*larger));
	if (!larger)
		return false;
	set->fds = larger;
	set->capacity = capacity;
	return true;
}

nfds_t seg_poll_set_add(seg_poll_set *set, int fd, short events)
{
	if (set->count == set->capacity && !grow(set))
		return set->count;
	set->fds[set->count] = (struct pollfd){.fd = fd, .events = events};
	return set->count++;
}

bool seg_poll_set_wait(seg_poll_set *set, int64_t timeout)
{
	struct timespec pause = {.tv_sec = timeout / SEG_SECOND, .tv_nsec = timeout % SEG_SECOND};
	int found = ppoll(set->fds, set->count, &pause, NULL);
	/* After an error (EINTR) the results are those of the poll before. */
	for (nfds_t i = 0; i < set->count && found < 0; i++)
		set->fds[i].revents = 0;
	return found > 0;
}
