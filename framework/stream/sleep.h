/* sleep.h - whether the producer's thread sleeps too long, and how another thread wakes it. */
#ifndef SEG_STREAM_SLEEP_H
#define SEG_STREAM_SLEEP_H

#include "stream/producer_state.h"

/*
 * Whether the producer's thread sleeps beyond the next thing to do. If so, call seg_sleep_end. Both under the lock: once it is free, another
 * thread may close the producer.
 */
bool seg_sleep_is_too_long(seg_producer *producer, int64_t now);
void seg_sleep_end(seg_producer *producer);

#endif
