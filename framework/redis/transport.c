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

#include "base/descriptors.h"
#include "base/error.h"
#include "redis/tls.h"

/*
 * After so long the kernel reports a peer that has vanished, instead of after its default of a quarter of an
 * hour.
 */
enum { USER_TIMEOUT_MS = 15000, KEEPALIVE_S = 5 };

/* The first byte of a TLS alert; no answer of Redis begins with it. */
enum { TLS_ALERT = 0x15 };

struct seg_transport {
	int fd;
	const char *where;
	seg_peer peer;
	const seg_endpoint *endpoint;     /* NULL: a Unix socket */
	const seg_tls_settings *settings; /* NULL: without TLS */
	seg_tls *tls;                     /* NULL until the socket is connected */
	bool connected;
	bool heard; /* without TLS: whether any byte has come */
	seg_error error;
};

static void set_option(int fd, int level, int name, int value)
{
	/* The connection works without the option: a failure does not matter. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static seg_transport *create(int family, const seg_peer *peer, const char *where, seg_error *error)
{
	seg_transport *transport = calloc(1, sizeof(*transport));
	if (!transport) {
		seg_fail(error, SEG_ENOMEM, "out of memory for a connection to %s", where);
		return NULL;
	}
	transport->where = where;
	transport->peer = *peer;
	transport->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (transport->fd >= 0)
		return transport;
	seg_fail(error, SEG_ESYSTEM, "cannot create a socket: %s%s", strerror(errno),
		 seg_descriptors_advice(errno));
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

seg_transport *seg_transport_open_unix(const char *path, const seg_peer *peer, const char *where,
				       seg_error *error)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	seg_transport *transport = create(AF_UNIX, peer, where, error);
	return transport ? start_connect(transport, (struct sockaddr *)&name, sizeof(name), error) : NULL;
}

seg_transport *seg_transport_open_tcp(const struct addrinfo *to, const seg_endpoint *endpoint,
				      const seg_tls_settings *tls, const seg_peer *peer, const char *where,
				      seg_error *error)
{
	seg_transport *transport = create(to->ai_family, peer, where, error);
	if (!transport)
		return NULL;
	transport->endpoint = endpoint;
	transport->settings = tls;
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
	seg_tls_end(transport->tls);
	close(transport->fd);
	free(transport);
}

/* --- connecting ------------------------------------------------------------------------ */

static int finish_connect(seg_transport *transport, seg_error *error)
{
	struct pollfd poller = {.fd = transport->fd, .events = POLLOUT};
	if (poll(&poller, 1, 0) != 1)
		return 0;
	int failure = 0;
	socklen_t length = sizeof(failure);
	if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &failure, &length))
		failure = errno;
	transport->connected = failure == 0;
	if (transport->connected)
		return 1;
	seg_fail(error, SEG_EUNREACHABLE, "cannot connect to %s: %s", transport->where, strerror(failure));
	return -1;
}

int seg_transport_opened(seg_transport *transport, seg_error *error)
{
	int connected = transport->connected ? 1 : finish_connect(transport, error);
	if (connected <= 0 || !transport->settings)
		return connected;
	if (!transport->tls)
		transport->tls = seg_tls_start(transport->fd, transport->endpoint, transport->settings,
					       &transport->peer, error);
	return transport->tls ? seg_tls_handshake(transport->tls, error) : -1;
}

const char *seg_transport_hint(const seg_transport *transport)
{
	bool silent = transport->tls && !seg_tls_heard(transport->tls);
	return silent ? transport->peer.not_tls : "";
}

/* --- reading and writing ------------------------------------------------------------------- */

int seg_transport_fd(const seg_transport *transport)
{
	return transport->fd;
}

short seg_transport_events(const seg_transport *transport, bool writing)
{
	if (!transport->connected)
		return POLLOUT;
	if (transport->tls)
		return seg_tls_events(transport->tls, writing);
	return (short)(POLLIN | (writing ? POLLOUT : 0));
}

bool seg_transport_pending(const seg_transport *transport)
{
	return transport->tls && seg_tls_pending(transport->tls);
}

/* failure 0: the peer has closed. */
static void explain(seg_transport *transport, int failure)
{
	bool strange = transport->endpoint && !transport->heard;
	seg_fail(&transport->error, SEG_EUNREACHABLE, "%s at %s%s%s%s%s", transport->peer.name,
		 transport->where, failure ? ": " : " ",
		 failure ? strerror(failure) : "closed the connection",
		 strange ? " before it answered; if it is a TLS port, write " : "",
		 strange ? transport->peer.secure : "");
}

/* Looks at the first bytes from a server. Returns whether it speaks TLS, and says so. */
static bool speaks_tls(seg_transport *transport, const char *bytes)
{
	transport->heard = true;
	if (bytes[0] != TLS_ALERT)
		return false;
	seg_fail(&transport->error, SEG_EPROTOCOL, "the server at %s speaks TLS; write %s in the address",
		 transport->where, transport->peer.secure);
	return true;
}

ssize_t seg_transport_read(seg_transport *transport, void *buffer, size_t size)
{
	ssize_t n;
	if (transport->tls)
		return seg_tls_read(transport->tls, buffer, size);
	do
		n = recv(transport->fd, buffer, size, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0 && !transport->heard && speaks_tls(transport, buffer)) {
		errno = EPROTO;
		return -1;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		explain(transport, n == 0 ? 0 : errno);
	return n;
}

ssize_t seg_transport_write(seg_transport *transport, const void *bytes, size_t length)
{
	ssize_t n;
	if (transport->tls)
		return seg_tls_write(transport->tls, bytes, length);
	do
		n = send(transport->fd, bytes, length, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		explain(transport, errno);
	return n;
}

const seg_error *seg_transport_error(const seg_transport *transport)
{
	return transport->tls ? seg_tls_error(transport->tls) : &transport->error;
}

size_t seg_transport_unacknowledged(const seg_transport *transport)
{
	int bytes = 0;
	return ioctl(transport->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}
