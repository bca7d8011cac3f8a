#include "chaos/shim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

chaos_shim *chaos_shim_make(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	void *map = MAP_FAILED;
	if (fd >= 0 && ftruncate(fd, sizeof(chaos_shim)) == 0)
		map = mmap(NULL, sizeof(chaos_shim), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	return map;
}

const char *const *chaos_shim_environment(const char *path)
{
	enum { SIZE = 512 };
	const char **variables = calloc(3, sizeof(*variables));
	char *file = malloc(SIZE);
	if (!variables || !file)
		abort();
	snprintf(file, SIZE, "CHAOS_SHIM=%s", path);
	variables[0] = "LD_PRELOAD=" CHAOS_SHIM_LIBRARY;
	variables[1] = file;
	return variables;
}
