/*
 * sender.h - the thread of an asynchronous producer: sends batches when they are ready, gives up those whose time is over, and
 * sleeps in between.
 */
#ifndef SEG_STREAM_SENDER_H
#define SEG_STREAM_SENDER_H

#include "stream/producer_state.h"

/* Starts the thread. 0, SEG_ENOMEM or SEG_ESYSTEM. */
int seg_sender_start(seg_producer *producer, seg_error *error);

/* Tells the sender to give up the remaining records, and waits until its thread has ended. */
void seg_sender_stop(seg_producer *producer);

#endif
