#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

seg_secret_fault seg_secret_judge(const char *text, size_t *length)
{
	size_t n = *length;
	if (n && text[n - 1] == '\n')
		n--;
	if (n && text[n - 1] == '\r')
		n--;
	*length = n;
	size_t blanks = 0;
	while (blanks < n && (text[blanks] == ' ' || text[blanks] == '\t'))
		blanks++;
	if (blanks == n)
		return SEG_SECRET_EMPTY;
	return memchr(text, '\n', n) || memchr(text, '\0', n) ? SEG_SECRET_LINES : SEG_SECRET_GOOD;
}

/* The number of bytes, up to size; -1 with errno. Does not wait for a pipe. */
static ssize_t read_file(const char *path, char *bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	size_t length = 0;
	ssize_t n = 0;
	while (length < size && (n = read(fd, bytes + length, size - length)) != 0) {
		if (n > 0)
			length += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	int failure = errno;
	close(fd);
	errno = failure;
	return n < 0 ? -1 : (ssize_t)length;
}

static int take(const char *path, const char *text, size_t length, char **secret, seg_error *error)
{
	if (length > SEG_SECRET_MAX)
		return seg_fail(error, SEG_EAUTH, "the password file %s is longer than %d bytes", path,
				SEG_SECRET_MAX);
	switch (seg_secret_judge(text, &length)) {
	case SEG_SECRET_EMPTY:
		return seg_fail(error, SEG_EAUTH, "the password file %s is empty; write the password into it",
				path);
	case SEG_SECRET_LINES:
		return seg_fail(error, SEG_EAUTH, "the password file %s contains more than one line", path);
	case SEG_SECRET_GOOD:
		break;
	}
	*secret = strndup(text, length);
	return *secret ? 0 : seg_fail(error, SEG_ENOMEM, "out of memory");
}

int seg_secret_read(const char *path, char **secret, seg_error *error)
{
	char text[SEG_SECRET_MAX + 1];
	*secret = NULL;
	ssize_t length = read_file(path, text, sizeof(text));
	int status = length < 0 ? seg_fail(error, SEG_EAUTH, "cannot read the password file %s: %s", path,
					   strerror(errno))
				: take(path, text, (size_t)length, secret, error);
	explicit_bzero(text, sizeof(text));
	return status;
}

void seg_secret_forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}
