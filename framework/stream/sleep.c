#include "stream/sleep.h"

#include <sys/eventfd.h>

bool seg_sleep_is_too_long(seg_producer *p, int64_t now)
{
	if (p->shared.sleeping_until == SEG_SENDER_AWAKE)
		return false;
	int64_t next = seg_accumulator_next_time(&p->shared.accumulator, p->shared.can_send, now);
	if (next >= p->shared.sleeping_until && !p->shared.stopping)
		return false;
	p->shared.sleeping_until = SEG_SENDER_AWAKE;
	return true;
}

void seg_sleep_end(seg_producer *p)
{
	(void)eventfd_write(p->wake_fd, 1);
}
