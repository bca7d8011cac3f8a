#include "redis/transport.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

/*
 * After so long the kernel reports a peer that has vanished, instead of after its default of a quarter of an
 * hour.
 */
enum { USER_TIMEOUT_MS = 15000, KEEPALIVE_S = 5 };

struct seg_transport {
	int fd;
	const char *where;
};

static void set_option(int fd, int level, int name, int value)
{
	/* The connection works without the option: a failure does not matter. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static seg_transport *create(int family, const char *where, seg_error *error)
{
	seg_transport *transport = calloc(1, sizeof(*transport));
	if (!transport) {
		seg_fail(error, SEG_ENOMEM, "out of memory for a connection to %s", where);
		return NULL;
	}
	transport->where = where;
	transport->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (transport->fd >= 0)
		return transport;
	seg_fail(error, SEG_ESYSTEM, "cannot create a socket: %s", strerror(errno));
	free(transport);
	return NULL;
}

static seg_transport *start_connect(seg_transport *transport, const struct sockaddr *address,
				    socklen_t length, seg_error *error)
{
	if (connect(transport->fd, address, length) == 0 || errno == EINPROGRESS)
		return transport;
	seg_fail(error, SEG_EUNREACHABLE, "cannot connect to %s: %s", transport->where, strerror(errno));
	seg_transport_close(transport);
	return NULL;
}

seg_transport *seg_transport_open_unix(const char *path, const char *where, seg_error *error)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	seg_transport *transport = create(AF_UNIX, where, error);
	return transport ? start_connect(transport, (struct sockaddr *)&name, sizeof(name), error) : NULL;
}

seg_transport *seg_transport_open_tcp(const struct addrinfo *to, const char *where, seg_error *error)
{
	seg_transport *transport = create(to->ai_family, where, error);
	if (!transport)
		return NULL;
	set_option(transport->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(transport->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(transport->fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
	set_option(transport->fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S);
	set_option(transport->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
	return start_connect(transport, to->ai_addr, to->ai_addrlen, error);
}

void seg_transport_close(seg_transport *transport)
{
	if (!transport)
		return;
	close(transport->fd);
	free(transport);
}

int seg_transport_opened(seg_transport *transport, seg_error *error)
{
	struct pollfd poller = {.fd = transport->fd, .events = POLLOUT};
	if (poll(&poller, 1, 0) != 1)
		return 0;
	int failure = 0;
	socklen_t length = sizeof(failure);
	if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &failure, &length))
		failure = errno;
	if (failure == 0)
		return 1;
	seg_fail(error, SEG_EUNREACHABLE, "cannot connect to %s: %s", transport->where, strerror(failure));
	return -1;
}

int seg_transport_fd(const seg_transport *transport)
{
	return transport->fd;
}

short seg_transport_events(const seg_transport *transport)
{
	(void)transport;
	return POLLOUT;
}

ssize_t seg_transport_read(seg_transport *transport, void *buffer, size_t size)
{
	ssize_t n;
	do
		n = recv(transport->fd, buffer, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

ssize_t seg_transport_write(seg_transport *transport, const void *bytes, size_t length)
{
	ssize_t n;
	do
		n = send(transport->fd, bytes, length, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

size_t seg_transport_unacknowledged(const seg_transport *transport)
{
	int bytes = 0;
	return ioctl(transport->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}
