#include "host/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum { REGULAR, SOCKET, OTHER } kind;

struct seg_outlet {
	int fd;
	_Atomic uint64_t dropped;

	/* Under the lock. */
	pthread_mutex_t lock;
	kind kind;
	int own; /* the same pipe or terminal, opened again so that O_NONBLOCK is ours alone; -1: none */
	atomic_bool torn; /* the newest byte that was written is not the end of a line */
	bool broken;      /* and the rest of that line was dropped */
	size_t waiting;
	char backlog[SEG_OUTLET_BACKLOG];
};

/* O_NONBLOCK belongs to the open file, which other processes share: setting it on a given fd would set it for them, too. */
static int open_again(int fd)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void look(seg_outlet *o)
{
	struct stat status;
	if (o->own >= 0)
		close(o->own);
	o->own = -1;
	o->kind = fstat(o->fd, &status)      ? OTHER
		  : S_ISREG(status.st_mode)  ? REGULAR
		  : S_ISSOCK(status.st_mode) ? SOCKET
					     : OTHER;
	if (o->kind == OTHER)
		o->own = open_again(o->fd);
}

seg_outlet *seg_outlet_create(int fd)
{
	seg_outlet *o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	pthread_mutex_init(&o->lock, NULL);
	o->fd = fd;
	o->own = -1;
	look(o);
	return o;
}

/*
 * One write that does not wait. Without a descriptor of our own, a pipe that poll calls writable takes PIPE_BUF bytes, unless
 * another process writes in between.
 */
static ssize_t write_once(const seg_outlet *o, const char *bytes, size_t length)
{
	struct pollfd room = {.fd = o->fd, .events = POLLOUT};
	switch (o->kind) {
	case REGULAR:
		return write(o->fd, bytes, length);
	case SOCKET:
		return send(o->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	case OTHER:
		break;
	}
	if (o->own >= 0) {
		ssize_t n = write(o->own, bytes, length);
		if (n >= 0 || errno != EBADF) /* a plugin has closed it */
			return n;
	}
	if (poll(&room, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(o->fd, bytes, length < PIPE_BUF ? length : PIPE_BUF);
}

/* How many bytes were written; -1: the reader is gone, or the disk is full. */
static ssize_t write_some(seg_outlet *o, const char *bytes, size_t length)
{
	size_t done = 0;
	while (done < length) {
		ssize_t n = write_once(o, bytes + done, length - done);
		if (n > 0) {
			done += (size_t)n;
			o->torn = bytes[done - 1] != '\n';
		}
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		return done ? (ssize_t)done : -1;
	}
	return (ssize_t)done;
}

static unsigned count_lines(const char *bytes, size_t length)
{
	unsigned lines = 0;
	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	return lines;
}

static void flush(seg_outlet *o)
{
	if (o->waiting == 0)
		return;
	ssize_t n = write_some(o, o->backlog, o->waiting);
	if (n < 0) {
		atomic_fetch_add_explicit(&o->dropped, count_lines(o->backlog, o->waiting),
					  memory_order_relaxed);
		o->waiting = 0;
		o->broken = o->torn;
		return;
	}
	o->waiting -= (size_t)n;
	memmove(o->backlog, o->backlog + n, o->waiting);
}

/* Else a line would follow on the same line of the file as what was written of a dropped one. As write_some. */
static ssize_t end_broken_line(seg_outlet *o)
{
	ssize_t n = o->broken ? write_some(o, "\n", 1) : 0;
	o->broken = o->torn && o->broken;
	return n;
}

/* Under the lock. Whether the line was written or kept. */
static bool write_or_keep(seg_outlet *o, const char *line, size_t length)
{
	ssize_t n = 0;
	flush(o);
	if (o->waiting == 0)
		n = end_broken_line(o) < 0 ? -1 : write_some(o, line, length);
	if (n < 0 || length - (size_t)n > sizeof(o->backlog) - o->waiting)
		return false;
	memcpy(o->backlog + o->waiting, line + n, length - (size_t)n);
	o->waiting += length - (size_t)n;
	return true;
}

bool seg_outlet_write(seg_outlet *o, const char *line, size_t length)
{
	int saved = errno;
	pthread_mutex_lock(&o->lock);
	bool kept = write_or_keep(o, line, length);
	pthread_mutex_unlock(&o->lock);
	errno = saved;
	return kept;
}

size_t seg_outlet_flush(seg_outlet *o)
{
	pthread_mutex_lock(&o->lock);
	flush(o);
	size_t waiting = o->waiting;
	pthread_mutex_unlock(&o->lock);
	return waiting;
}

bool seg_outlet_write_now(seg_outlet *o, const char *line, size_t length)
{
	bool locked = pthread_mutex_trylock(&o->lock) == 0;
	if (locked)
		flush(o);
	bool free = !locked || (o->waiting == 0 && end_broken_line(o) >= 0);
	bool whole = free && write_some(o, line, length) == (ssize_t)length;
	if (locked)
		pthread_mutex_unlock(&o->lock);
	return whole;
}

void seg_outlet_look_again(seg_outlet *o)
{
	pthread_mutex_lock(&o->lock);
	look(o);
	o->torn = o->broken = false;
	pthread_mutex_unlock(&o->lock);
}

uint64_t seg_outlet_dropped(const seg_outlet *o)
{
	return atomic_load_explicit(&o->dropped, memory_order_relaxed);
}

void seg_outlet_destroy(seg_outlet *o)
{
	if (!o)
		return;
	if (o->own >= 0)
		close(o->own);
	pthread_mutex_destroy(&o->lock);
	free(o);
}
