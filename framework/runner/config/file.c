#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static int open_file(const char *path, bool any_kind, struct stat *stat, seg_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (any_kind ? 0 : O_NONBLOCK));
	if (fd < 0)
		return seg_fail(error, SEG_ENOTFOUND, "cannot be read: %m");
	if (fstat(fd, stat) != 0)
		seg_fail(error, SEG_ENOTFOUND, "cannot be read: %m");
	else if (S_ISDIR(stat->st_mode))
		seg_fail(error, SEG_ENOTFOUND, "is a directory; name a file in it");
	else if (!any_kind && !S_ISREG(stat->st_mode))
		seg_fail(error, SEG_ENOTFOUND, "is not a regular file; name a regular file");
	else
		return fd;
	close(fd);
	return SEG_ENOTFOUND;
}

/* Reads up to `room` bytes. Returns their number, or -1 with errno. */
static ssize_t read_all(int fd, char *text, size_t room)
{
	size_t length = 0;
	while (length < room) {
		ssize_t n = read(fd, text + length, room - length);
		if (n == 0)
			break;
		if (n > 0)
			length += (size_t)n;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)length;
}

static int read_content(int fd, size_t limit, seg_config_content *content, seg_error *error)
{
	content->text = malloc(limit + 2);
	if (!content->text)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	ssize_t length = read_all(fd, content->text, limit + 1);
	if (length < 0)
		return seg_fail(error, SEG_ENOTFOUND, "cannot be read: %m");
	content->length = (size_t)length;
	content->text[length] = '\0';
	if (content->length > limit)
		return seg_fail(error, SEG_ENOTFOUND,
				"is longer than %zu bytes; name the right file, or split it", limit);
	return 0;
}

int seg_config_file_read(const char *path, bool any_kind, size_t limit, seg_config_content *content,
			 seg_error *error)
{
	*content = (seg_config_content){0};
	int fd = open_file(path, any_kind, &content->stat, error);
	if (fd < 0)
		return fd;
	int status = read_content(fd, limit, content, error);
	close(fd);
	if (status)
		seg_config_content_fini(content);
	return status;
}

void seg_config_content_fini(seg_config_content *content)
{
	if (content->text)
		explicit_bzero(content->text, content->length);
	free(content->text);
	content->text = NULL;
	content->length = 0;
}
