#include "base/clock.h"
#include "redis/route.h"

/* Until *done, or, where done is NULL, until the route is ready. */
static int wait_for(seg_route *route, const bool *done, int64_t deadline)
{
	seg_poll_set *set = seg_route_waiting_set(route);
	bool polled = false;
	for (;;) {
		int64_t timer = seg_route_tick(route, seg_now(), polled);
		if (done ? *done : seg_route_ready(route))
			return 0;
		if (seg_route_is_refused(route))
			return seg_route_error(route)->status;
		int64_t now = seg_now(), until = timer < deadline ? timer : deadline;
		if (now >= deadline)
			return SEG_ETIMEOUT;
		seg_poll_set_clear(set);
		seg_route_poll(route, set);
		seg_poll_set_wait(set, until > now ? until - now : 0);
		polled = true;
	}
}

int seg_route_wait(seg_route *route, const bool *done, int64_t deadline)
{
	return wait_for(route, done, deadline);
}

int seg_route_wait_ready(seg_route *route, int64_t deadline)
{
	return wait_for(route, NULL, deadline);
}
