/*
 * loan.h - a send without a wake-up: while the sender's thread sleeps in poll(2), a thread that has added a record may borrow the
 * sender's part of the producer, and write the batch itself.
 *
 * Only one thread at a time acts as the sender: its own thread while it is awake, or the one borrower. Both change hands under the
 * lock. The borrower issues and writes what is ready, without blocking. It reads no answer and runs no callback: answers wake the
 * sender's thread, whose descriptors stay the same. The borrower wakes that thread only if something is left to do before the
 * time at which it wakes up by itself: the socket took only a part, a connection is not ready, or another record came meanwhile.
 *
 * Only with linger_us = 0. A producer that lingers collects batches for the sake of throughput, and a thread that sends records
 * should not be the one to format and write them. Not with TLS, whose state and errors stay with one thread.
 */
#ifndef SEG_STREAM_LOAN_H
#define SEG_STREAM_LOAN_H

#include "stream/producer_state.h"

/*
 * Borrows, where `until` was the time until which the sender's thread sleeps, and the caller has just taken the duty to wake it
 * (seg_sleep_is_too_long). False: wake the thread. Under the lock.
 */
bool seg_loan_take(seg_producer *producer, int64_t until);

/* Writes what is ready, and gives the loan back. Without the lock. The producer may be gone afterwards. */
void seg_loan_use(seg_producer *producer);

/* The sender's thread takes its part back after a sleep: waits for a borrower. Under the lock. */
void seg_loan_end(seg_producer *producer);

#endif
