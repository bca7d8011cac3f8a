#include "stream/loan.h"

#include "base/clock.h"
#include "stream/flight.h"
#include "stream/sleep.h"

bool seg_loan_take(seg_producer *p, int64_t until)
{
	if (p->options.linger_us > 0 || p->stream->client->address.tls || !p->shared.can_send ||
	    TAILQ_EMPTY(&p->shared.accumulator.ready))
		return false;
	p->shared.lent = true;
	p->shared.lent_until = until;
	return true;
}

/* Returns when the sender's thread has something to do. */
static int64_t write_ready(seg_producer *p)
{
	/* Refused records get their outcomes from the sender's thread. */
	if (p->sender.registration.refusal.status)
		return seg_now();
	seg_flight_send(p);
	return seg_route_write(p->sender.route, seg_now());
}

/* Under the lock, so that a thread that closes the producer does not destroy it before this has ended. */
static void give_back(seg_producer *p, int64_t timer)
{
	int64_t now = seg_now();
	p->shared.lent = false;
	p->shared.can_send = seg_route_ready(p->sender.route);
	int64_t next = seg_accumulator_next_time(&p->shared.accumulator, p->shared.can_send, now);
	if (timer < next)
		next = timer;
	if (next < p->shared.lent_until || p->shared.stopping)
		seg_sleep_end(p);
	else
		p->shared.sleeping_until = p->shared.lent_until;
	pthread_cond_signal(&p->shared.returned);
}

void seg_loan_use(seg_producer *p)
{
	int before;
	/* A borrower that is cancelled would never give back. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	int64_t timer = write_ready(p);
	pthread_mutex_lock(&p->shared.lock);
	give_back(p, timer);
	pthread_mutex_unlock(&p->shared.lock);
	pthread_setcancelstate(before, NULL);
}

void seg_loan_end(seg_producer *p)
{
	while (p->shared.lent)
		pthread_cond_wait(&p->shared.returned, &p->shared.lock);
}
