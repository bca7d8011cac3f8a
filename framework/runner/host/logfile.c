#include "host/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "host/outlet.h"

struct seg_logfile {
	char *path;         /* NULL: standard error */
	int fd;             /* reopening replaces the file under this number, which never changes */
	seg_outlet *outlet; /* to fd */
	_Atomic int format; /* a seg_logfile_format */
	_Atomic int level;
	_Atomic uint64_t lost; /* lines that could be neither written nor kept */
	_Atomic uint64_t told; /* of the lost lines, those that a line of the log tells of */
};

static int refuse(const char *path, int cause, seg_error *error)
{
	return seg_fail(
		error, SEG_EINVAL,
		"cannot write the log to %s: %s; correct log_file, or the permissions of its directory", path,
		strerror(cause));
}

static int open_path(const char *path, seg_error *error)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	return fd < 0 ? refuse(path, errno, error) : fd;
}

/* What open_path needs where the file does not exist. Returns an errno, or 0. */
static int check_directory(const char *path)
{
	char *copy = strdup(path);
	if (!copy)
		return ENOMEM;
	int cause = access(dirname(copy), W_OK | X_OK) ? errno : 0;
	free(copy);
	return cause;
}

int seg_logfile_check(const char *path, seg_error *error)
{
	struct stat status;
	size_t length = strlen(path);
	int cause;
	if (length > 0 && path[length - 1] == '/')
		cause = EISDIR;
	else if (stat(path, &status) == 0)
		cause = S_ISDIR(status.st_mode) ? EISDIR : access(path, W_OK) ? errno : 0;
	else
		cause = errno == ENOENT ? check_directory(path) : errno;
	return cause ? refuse(path, cause, error) : 0;
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
	logfile->outlet = result < 0 ? NULL : seg_outlet_create(logfile->fd);
	if (result >= 0 && !logfile->outlet)
		result = seg_fail(error, SEG_ENOMEM, "out of memory");
	if (result < 0) {
		seg_logfile_close(logfile);
		return result;
	}
	*out = logfile;
	return 0;
}

static seg_logfile_format format_of(const seg_logfile *logfile)
{
	return (seg_logfile_format)atomic_load_explicit(&logfile->format, memory_order_relaxed);
}

void seg_logfile_write(void *arg, const seg_log_event *event)
{
	seg_logfile *logfile = arg;
	if (event->level < atomic_load_explicit(&logfile->level, memory_order_relaxed))
		return;
	char line[SEG_LOGLINE_MAX];
	int saved = errno;
	size_t length = seg_logline_make(line, format_of(logfile), event);
	if (length == 0 || !seg_outlet_write(logfile->outlet, line, length))
		atomic_fetch_add_explicit(&logfile->lost, 1, memory_order_relaxed);
	errno = saved;
}

/* Says how many lines were lost, once the log takes lines again. */
static void tell_of_losses(seg_logfile *logfile)
{
	uint64_t lost = seg_logfile_lost(logfile), told = atomic_load(&logfile->told);
	if (lost == told)
		return;
	char text[160], line[SEG_LOGLINE_MAX];
	snprintf(text, sizeof(text),
		 "%" PRIu64 " lines of this log were lost: they could not be written, or were not read",
		 lost - told);
	seg_log_event event = {.level = SEG_LOG_WARNING, .text = text, .partition = -1};
	size_t length = seg_logline_make(line, format_of(logfile), &event);
	if (length > 0 && seg_outlet_write(logfile->outlet, line, length))
		atomic_store(&logfile->told, lost);
}

bool seg_logfile_flush(seg_logfile *logfile)
{
	if (seg_outlet_flush(logfile->outlet) > 0)
		return false;
	tell_of_losses(logfile);
	return true;
}

void seg_logfile_write_last(seg_logfile *logfile, const char *text)
{
	char line[SEG_LOGLINE_MAX];
	size_t length = seg_logline_make_last(line, format_of(logfile), text);
	seg_outlet_write_now(logfile->outlet, line, length);
	struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (logfile->path && poll(&room, 1, 0) > 0)
		(void)!write(STDERR_FILENO, line, length);
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
	seg_outlet_look_again(logfile->outlet);
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
	return seg_outlet_dropped(logfile->outlet) +
	       atomic_load_explicit(&logfile->lost, memory_order_relaxed);
}

void seg_logfile_close(seg_logfile *logfile)
{
	if (!logfile)
		return;
	if (logfile->outlet)
		seg_logfile_flush(logfile);
	seg_outlet_destroy(logfile->outlet);
	if (logfile->path && logfile->fd >= 0)
		close(logfile->fd);
	free(logfile->path);
	free(logfile);
}
