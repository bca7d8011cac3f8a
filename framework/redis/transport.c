#include "redis/transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

/*
 * After so long the kernel reports a peer that has vanished, instead of after its default of a quarter of an
 * hour.
 */
enum { USER_TIMEOUT_MS = 15000, KEEPALIVE_S = 5 };

static void set_option(int fd, int level, int name, int value)
{
	/* The connection works without the option: a failure does not matter. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static int start_connect(int fd, const struct sockaddr *address, socklen_t length, const char *text,
			 seg_error *error)
{
	if (connect(fd, address, length) == 0 || errno == EINPROGRESS)
		return fd;
	seg_fail(error, SEG_EUNREACHABLE, "cannot connect to %s: %s", text, strerror(errno));
	close(fd);
	return -1;
}

int seg_transport_open_unix(const seg_address *address, seg_error *error)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", address->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return seg_fail(error, SEG_ESYSTEM, "cannot create a socket: %s", strerror(errno)), -1;
	return start_connect(fd, (struct sockaddr *)&name, sizeof(name), address->text, error);
}

int seg_transport_open_tcp(const seg_address *address, const struct addrinfo *list, unsigned attempt,
			   seg_error *error)
{
	/* Attempts go round the list. */
	const struct addrinfo *chosen = list;
	for (unsigned i = 0; i < attempt; i++)
		chosen = chosen->ai_next ? chosen->ai_next : list;
	int fd = socket(chosen->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return seg_fail(error, SEG_ESYSTEM, "cannot create a socket: %s", strerror(errno)), -1;
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
	return start_connect(fd, chosen->ai_addr, chosen->ai_addrlen, address->text, error);
}

int seg_transport_connected(int fd, const seg_address *address, seg_error *error)
{
	int failure = 0;
	socklen_t length = sizeof(failure);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &length))
		failure = errno;
	if (failure == 0)
		return 0;
	seg_fail(error, SEG_EUNREACHABLE, "cannot connect to %s: %s", address->text, strerror(failure));
	return -1;
}

ssize_t seg_transport_read(int fd, void *buffer, size_t size)
{
	ssize_t n;
	do
		n = recv(fd, buffer, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

ssize_t seg_transport_write(int fd, const void *bytes, size_t length)
{
	ssize_t n;
	do
		n = send(fd, bytes, length, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}
