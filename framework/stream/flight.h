/*
 * flight.h - batches in flight: issues the append of each batch that is ready, reads its answer, and asks the replicas. Of the
 * sender's thread.
 *
 * Several batches of a partition are in flight. Redis adds one only right after the batch before it, and else refuses it
 * (SEG_APPEND_GAP), so that a batch that was refused, lost or redirected is not overtaken: all go again, in order. A batch is sent
 * again unchanged, under the same sequence.
 *
 * A batch that was given up is never sent again. The oldest batch without an outcome does not ask for the batch before it, and so
 * closes the gap; Redis then refuses the given-up batch if it is still on its way.
 */
#ifndef SEG_STREAM_FLIGHT_H
#define SEG_STREAM_FLIGHT_H

#include "stream/producer_state.h"

/* Issues what is ready. The answers come while the route ticks. */
void seg_flight_send(seg_producer *producer);

#endif
