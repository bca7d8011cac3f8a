#include <poll.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "redis/connection.h"

/* Another try would meet the same refusal. */
static bool refused_for_good(const seg_connection *c)
{
	int status = seg_connection_error(c)->status;
	return seg_connection_fd(c) < 0 && (status == SEG_EAUTH || status == SEG_EPROTOCOL);
}

static void poll_until(const seg_connection *c, int64_t when, int64_t now)
{
	int fd = seg_connection_fd(c);
	uint32_t wanted = fd >= 0 ? seg_connection_events(c) : 0;
	struct pollfd poller = {
		.fd = fd,
		.events = (short)((wanted & EPOLLIN ? POLLIN : 0) | (wanted & EPOLLOUT ? POLLOUT : 0)),
	};
	poll(&poller, 1, seg_poll_timeout(when, now));
}

/* Until *done, or, where done is NULL, until the connection is ready. */
static int wait_for(seg_connection *c, const bool *done, int64_t deadline)
{
	for (;;) {
		int64_t timer = seg_connection_tick(c, seg_now(), true);
		if (done ? *done : seg_connection_ready(c))
			return 0;
		if (refused_for_good(c))
			return seg_connection_error(c)->status;
		int64_t now = seg_now();
		if (now >= deadline)
			return SEG_ETIMEOUT;
		poll_until(c, timer < deadline ? timer : deadline, now);
	}
}

int seg_connection_wait(seg_connection *c, const bool *done, int64_t deadline)
{
	return wait_for(c, done, deadline);
}

int seg_connection_wait_ready(seg_connection *c, int64_t deadline)
{
	return wait_for(c, NULL, deadline);
}
