#include "base/spare_cpus.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The CPUs that stay free. */
enum { KEPT_FREE = 2 };

enum { PATH_ROOM = 4096, CPUS_MAX = 8192 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int spare;

/* --- counting ---------------------------------------------------------------- */

int seg_spare_cpus_of(int cpus, long quota)
{
	if (quota > 0 && quota / 1000 < cpus)
		cpus = (int)(quota / 1000);
	return cpus > KEPT_FREE ? cpus - KEPT_FREE : 0;
}

long seg_spare_cpus_quota(const char *text)
{
	long long most, period;
	if (sscanf(text, "%lld %lld", &most, &period) != 2 || most <= 0 || period <= 0)
		return 0;
	long long quota = most * 1000 / period;
	return quota > 0 ? (long)quota : 1;
}

/* Of the main thread, and so not of one that is pinned. */
static int allowed_cpus(void)
{
	cpu_set_t sets[CPUS_MAX / CPU_SETSIZE];
	memset(sets, 0, sizeof(sets));
	if (sched_getaffinity(getpid(), sizeof(sets), sets) != 0)
		return 0;
	return CPU_COUNT_S(sizeof(sets), sets);
}

static bool read_line(const char *path, const char *prefix, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	while (file && !found && fgets(line, size, file))
		found = strncmp(line, prefix, strlen(prefix)) == 0;
	if (file)
		fclose(file);
	return found;
}

/* The least quota of the process's control group (version 2) and of those around it. */
static long least_quota(void)
{
	char group[PATH_ROOM], path[PATH_ROOM + 32], text[64];
	long least = 0;
	if (!read_line("/proc/self/cgroup", "0::/", group, sizeof(group)))
		return 0;
	group[strcspn(group, "\n")] = '\0';
	for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
		*end = '\0';
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", group + 3);
		long quota = read_line(path, "", text, sizeof(text)) ? seg_spare_cpus_quota(text) : 0;
		if (quota > 0 && (least == 0 || quota < least))
			least = quota;
	}
	return least;
}

static void count(void)
{
	atomic_store(&spare, seg_spare_cpus_of(allowed_cpus(), least_quota()));
}

/* --- taking -------------------------------------------------------------------- */

bool seg_spare_cpu_take(void)
{
	pthread_once(&once, count);
	int left = atomic_load_explicit(&spare, memory_order_relaxed);
	while (left > 0)
		if (atomic_compare_exchange_weak(&spare, &left, left - 1))
			return true;
	return false;
}

void seg_spare_cpu_give_back(void)
{
	atomic_fetch_add(&spare, 1);
}
