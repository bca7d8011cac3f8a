#include "embedded/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"

#define PAUSE (5 * SEG_MS) /* between two tries */

int seg_embedded_lock_open(const char *path, int *fd, seg_error *error)
{
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd >= 0)
		return 0;
	return seg_fail(error, SEG_EINVAL,
			"cannot open %s: %s; the embedded Redis's directory must be writable, and its files "
			"must belong to this user",
			path, strerror(errno));
}

bool seg_embedded_lock_try(int fd, int kind)
{
	while (flock(fd, kind | LOCK_NB))
		if (errno != EINTR)
			return false;
	return true;
}

bool seg_embedded_lock_wait(int fd, int kind, int64_t timeout)
{
	int64_t deadline = seg_now() + timeout;
	while (!seg_embedded_lock_try(fd, kind)) {
		if (seg_now() > deadline)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
	}
	return true;
}

void seg_embedded_lock_drop(int fd)
{
	flock(fd, LOCK_UN);
}
