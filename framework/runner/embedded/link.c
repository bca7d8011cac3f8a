#include "embedded/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

int seg_embedded_link_open(seg_embedded_link *link, const char *path)
{
	*link = (seg_embedded_link){.fd = -1};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	if (snprintf(name.sun_path, sizeof(name.sun_path), "%s", path) >= (int)sizeof(name.sun_path))
		return ENAMETOOLONG;
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return errno;
	/* On a Unix socket this succeeds or fails at once. */
	if (connect(link->fd, (struct sockaddr *)&name, sizeof(name))) {
		int failure = errno;
		seg_embedded_link_close(link);
		return failure;
	}
	struct ucred peer;
	socklen_t length = sizeof(peer);
	if (getsockopt(link->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
		link->peer = peer.pid;
	link->reader = redisReaderCreate();
	if (!link->reader) {
		seg_embedded_link_close(link);
		return ENOMEM;
	}
	return 0;
}

void seg_embedded_link_close(seg_embedded_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	if (link->reader)
		redisReaderFree(link->reader);
	*link = (seg_embedded_link){.fd = -1};
}

/* Whether the socket became ready before the deadline. */
static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd entry = {.fd = fd, .events = events};
	int n;
	do
		n = poll(&entry, 1, seg_poll_timeout(deadline, seg_now()));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static int send_all(int fd, const char *bytes, size_t length, int64_t deadline)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		} else if (errno == EAGAIN ? !wait_for(fd, POLLOUT, deadline) : errno != EINTR) {
			return 0;
		}
	}
	return 1;
}

static redisReply *read_reply(seg_embedded_link *link, int64_t deadline)
{
	void *reply = NULL;
	while (redisReaderGetReply(link->reader, &reply) == REDIS_OK && !reply) {
		char bytes[4096];
		/* A server that sends for ever has a deadline, too. */
		if (seg_now() > deadline)
			return NULL;
		ssize_t n = recv(link->fd, bytes, sizeof(bytes), 0);
		if (n > 0) {
			if (redisReaderFeed(link->reader, bytes, (size_t)n) != REDIS_OK)
				return NULL;
		} else if (n == 0 ||
			   (errno == EAGAIN ? !wait_for(link->fd, POLLIN, deadline) : errno != EINTR)) {
			return NULL;
		}
	}
	return reply;
}

redisReply *seg_embedded_link_ask(seg_embedded_link *link, const char *command, int64_t deadline)
{
	/* No word needs quoting, so an inline command will do. */
	char line[128];
	int length = snprintf(line, sizeof(line), "%s\r\n", command);
	if (length >= (int)sizeof(line) || !send_all(link->fd, line, (size_t)length, deadline))
		return NULL;
	return read_reply(link, deadline);
}
