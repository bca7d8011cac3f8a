#include "host/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

struct seg_logfile {
	char *path;         /* NULL: standard error */
	int fd;             /* reopening replaces the file under this number, which never changes */
	_Atomic int format; /* a seg_logfile_format */
	_Atomic int level;
	_Atomic uint64_t lost;
};

static int open_path(const char *path, seg_error *error)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		return seg_fail(
			error, SEG_EINVAL,
			"cannot write the log to %s: %s; correct log_file, or the permissions of its directory",
			path, strerror(errno));
	return fd;
}

int seg_logfile_open(const char *path, int level, seg_logfile_format format, seg_logfile **out,
		     seg_error *error)
{
	*out = NULL;
	seg_logfile *logfile = calloc(1, sizeof(*logfile));
	if (!logfile)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	logfile->fd = STDERR_FILENO;
	atomic_store(&logfile->format, (int)format);
	atomic_store(&logfile->level, level);
	int result = 0;
	if (path) {
		logfile->path = strdup(path);
		logfile->fd = result =
			logfile->path ? open_path(path, error) : seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	if (result < 0) {
		free(logfile->path);
		free(logfile);
		return result;
	}
	*out = logfile;
	return 0;
}

void seg_logfile_write(void *arg, const seg_log_event *event)
{
	seg_logfile *logfile = arg;
	if (event->level < atomic_load_explicit(&logfile->level, memory_order_relaxed))
		return;
	char line[SEG_LOGLINE_MAX];
	seg_logfile_format format =
		(seg_logfile_format)atomic_load_explicit(&logfile->format, memory_order_relaxed);
	size_t length = seg_logline_make(line, format, event);
	int saved = errno;
	ssize_t written;
	do
		written = write(logfile->fd, line, length);
	while (written < 0 && errno == EINTR);
	if (length == 0 || written != (ssize_t)length)
		atomic_fetch_add_explicit(&logfile->lost, 1, memory_order_relaxed);
	errno = saved;
}

int seg_logfile_reopen(seg_logfile *logfile, seg_error *error)
{
	if (!logfile->path)
		return 0;
	int fd = open_path(logfile->path, error);
	if (fd < 0)
		return fd;
	/* Atomic: a thread that writes meanwhile writes to the old file or to the new one. */
	int result = dup3(fd, logfile->fd, O_CLOEXEC);
	if (result < 0)
		result = seg_fail(error, SEG_EINVAL, "cannot switch the log to the new %s: %s", logfile->path,
				  strerror(errno));
	close(fd);
	return result < 0 ? result : 0;
}

void seg_logfile_set_level(seg_logfile *logfile, int level)
{
	atomic_store_explicit(&logfile->level, level, memory_order_relaxed);
}

void seg_logfile_set_format(seg_logfile *logfile, seg_logfile_format format)
{
	atomic_store_explicit(&logfile->format, (int)format, memory_order_relaxed);
}

uint64_t seg_logfile_lost(const seg_logfile *logfile)
{
	return atomic_load_explicit(&logfile->lost, memory_order_relaxed);
}

void seg_logfile_close(seg_logfile *logfile)
{
	if (!logfile)
		return;
	if (logfile->path)
		close(logfile->fd);
	free(logfile->path);
	free(logfile);
}
