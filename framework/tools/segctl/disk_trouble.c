#include "disk_trouble.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/statvfs.h>

/* Less than Redis needs for its next rewrite of even a small file. */
#define LEAST_FREE (UINT64_C(4) << 20)

bool ctl_disk_trouble(const char *directory, ctl_trouble *trouble)
{
	struct statvfs disk;
	if (!directory || statvfs(directory, &disk) != 0)
		return false;
	uint64_t available = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (available >= LEAST_FREE && disk.f_favail != 0)
		return false;
	snprintf(trouble->what, sizeof(trouble->what),
		 "the disk of the embedded Redis is full (%.200s: %" PRIu64
		 " KiB free), so Redis cannot write, and may be restarted again and again",
		 directory, available >> 10);
	snprintf(trouble->remedy, sizeof(trouble->remedy),
		 "free space there; %.200s/redis.log tells what Redis could not write", directory);
	return true;
}
