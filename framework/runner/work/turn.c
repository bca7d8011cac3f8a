#include "work/turn.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static seg_turn *queue; /* the first has the turn */

void seg_turn_join(seg_turn *turn, seg_handoff *handoff)
{
	pthread_mutex_lock(&lock);
	seg_turn **link = &queue;
	while (*link)
		link = &(*link)->next;
	*link = turn;
	turn->next = NULL;
	turn->handoff = handoff;
	turn->queued = true;
	pthread_mutex_unlock(&lock);
}

bool seg_turn_has_come(const seg_turn *turn)
{
	pthread_mutex_lock(&lock);
	bool first = queue == turn;
	pthread_mutex_unlock(&lock);
	return first;
}

void seg_turn_leave(seg_turn *turn)
{
	if (!turn->queued)
		return;
	pthread_mutex_lock(&lock);
	bool had_turn = queue == turn;
	seg_turn **link = &queue;
	while (*link != turn)
		link = &(*link)->next;
	*link = turn->next;
	turn->queued = false;
	/* Under the lock, so that the next worker cannot leave, and its handoff end, before this is done. */
	if (had_turn && queue)
		seg_handoff_wake(queue->handoff);
	pthread_mutex_unlock(&lock);
}
