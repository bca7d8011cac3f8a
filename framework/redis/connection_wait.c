#include "base/clock.h"
#include "redis/connection.h"

/* Until *done, or, where done is NULL, until the connection is ready. */
static int wait_for(seg_connection *c, const bool *done, int64_t deadline)
{
	for (;;) {
		int64_t timer = seg_connection_tick(c, seg_now(), true);
		if (done ? *done : seg_connection_ready(c))
			return 0;
		if (seg_connection_is_refused(c))
			return seg_connection_error(c)->status;
		int64_t now = seg_now();
		if (now >= deadline)
			return SEG_ETIMEOUT;
		struct pollfd poller = seg_connection_polled(c);
		poll(&poller, 1, seg_poll_timeout(timer < deadline ? timer : deadline, now));
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
