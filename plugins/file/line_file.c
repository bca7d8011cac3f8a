#include "line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096 };

static int fail(const line_file *file, const char *what, char *error, size_t error_size)
{
	snprintf(error, error_size, "cannot %s %s: %s", what, file->path, strerror(errno));
	return -1;
}

/* Whether the path still names the open file: not after a rename or a removal. */
static bool is_in_place(const line_file *file)
{
	struct stat open_one, named;
	return fstat(file->fd, &open_one) == 0 && stat(file->path, &named) == 0 &&
	       open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

/* A new file survives a crash only once its directory is on the disk. */
static int sync_directory(const line_file *file)
{
	char *directory = strdup(file->path);
	if (!directory)
		return -1;
	*strrchr(directory, '/') = '\0';
	int fd = open(*directory ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	if (fd < 0)
		return -1;
	int result = fsync(fd);
	int saved = errno;
	close(fd);
	errno = saved;
	return result;
}

/* --- under the lock ------------------------------------------------------ */

/* The offset after the last newline before `end`; 0 if there is no newline; -1 if the file cannot be read. */
static off_t find_line_start(const line_file *file, off_t end)
{
	char block[BLOCK];
	while (end > 0) {
		size_t length = end < BLOCK ? (size_t)end : BLOCK;
		if (pread(file->fd, block, length, end - (off_t)length) != (ssize_t)length)
			return -1;
		char *newline = memrchr(block, '\n', length);
		if (newline)
			return end - (off_t)length + (newline - block) + 1;
		end -= (off_t)length;
	}
	return 0;
}

/* The epoch in the last complete line, which ends at `end`; 0 if there is none. */
static uint64_t last_epoch(const line_file *file, off_t end)
{
	off_t start = end > 0 ? find_line_start(file, end - 1) : 0;
	char line[64] = "";
	uint64_t epoch = 0;
	if (start < 0 || pread(file->fd, line, sizeof(line) - 1, start) <= 0)
		return 0;
	return sscanf(line, "{\"epoch\":%" SCNu64, &epoch) == 1 ? epoch : 0;
}

/* Checks what others have written: removes an incomplete line, and fails if the last line has a higher epoch. */
static int catch_up(line_file *file, off_t size, size_t *cut, char *error, size_t error_size)
{
	off_t end = find_line_start(file, size);
	if (end < 0)
		return fail(file, "read", error, error_size);
	if (end < size && ftruncate(file->fd, end))
		return fail(file, "remove an incomplete line from", error, error_size);
	*cut = (size_t)(size - end);
	uint64_t epoch = last_epoch(file, end);
	if (epoch > file->epoch) {
		snprintf(error, error_size,
			 "another runner has taken over this partition: %s has lines of epoch %" PRIu64
			 "; this runner has epoch %" PRIu64,
			 file->path, epoch, file->epoch);
		return -1;
	}
	file->end = end;
	return 0;
}

/* One write, unless the disk is full or a signal interrupts it. */
static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static int append_locked(line_file *file, const char *lines, size_t length, char *error, size_t error_size)
{
	struct stat status;
	size_t cut;
	if (fstat(file->fd, &status))
		return fail(file, "examine", error, error_size);
	if (status.st_size != file->end && catch_up(file, status.st_size, &cut, error, error_size) != 0)
		return -1;
	if (write_all(file->fd, lines, length) == 0 && fdatasync(file->fd) == 0) {
		file->end += (off_t)length;
		return 0;
	}
	int saved = errno;
	/* If this fails too, the next catch_up removes an incomplete line, and complete lines will be written twice. */
	if (ftruncate(file->fd, file->end))
		file->end = -1;
	errno = saved;
	return fail(file, "write to", error, error_size);
}

/* --- the lock ------------------------------------------------------------------------- */

/* Does not wait: a suspended process may hold the lock. */
static int lock(const line_file *file, char *error, size_t error_size)
{
	if (flock(file->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return fail(file, "lock", error, error_size);
	snprintf(error, error_size, "another process is writing to %s; if that process hangs, end it",
		 file->path);
	return -1;
}

static void unlock(const line_file *file)
{
	flock(file->fd, LOCK_UN);
}

/* Opens the file, and checks what others have written. */
static int open_path(line_file *file, size_t *cut, char *error, size_t error_size)
{
	file->fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (file->fd < 0 || sync_directory(file))
		return fail(file, "open", error, error_size);
	if (lock(file, error, error_size) != 0)
		return -1;
	struct stat status;
	int result = fstat(file->fd, &status) ? fail(file, "examine", error, error_size)
					      : catch_up(file, status.st_size, cut, error, error_size);
	unlock(file);
	return result;
}

int line_file_open(line_file *file, const char *directory, const char *name, uint64_t epoch, size_t *cut,
		   char *error, size_t error_size)
{
	*file = (line_file){.fd = -1, .epoch = epoch};
	if (asprintf(&file->path, "%s/%s", directory, name) < 0) {
		file->path = NULL;
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	return open_path(file, cut, error, error_size);
}

int line_file_append(line_file *file, const char *lines, size_t length, char *error, size_t error_size)
{
	if (file->fd < 0 || !is_in_place(file)) {
		size_t cut;
		if (file->fd >= 0)
			close(file->fd);
		if (open_path(file, &cut, error, error_size) != 0) {
			if (file->fd >= 0)
				close(file->fd);
			file->fd = -1;
			return -1;
		}
	}
	if (lock(file, error, error_size) != 0)
		return -1;
	int result = append_locked(file, lines, length, error, error_size);
	unlock(file);
	return result;
}

void line_file_close(line_file *file)
{
	if (!file->path)
		return;
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	*file = (line_file){.fd = -1};
}
