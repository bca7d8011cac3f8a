/*
 * event.h - how threads sleep and wake each other: an event count for a thread that waits on memory, and a waker for a
 * thread that waits in poll(2).
 *
 * An event count (ck_ec) only rises. A thread reads it (the ticket), looks whether there is something to do, and waits on
 * the ticket: it misses nothing that was counted after the read.
 */
#ifndef SEG_BASE_EVENT_H
#define SEG_BASE_EVENT_H

#include <ck_ec.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How a thread waits that has nothing to do. */
typedef enum seg_idle {
	SEG_IDLE_PARK = 0, /* sleeps in the kernel: costs nothing, some microseconds to wake */
	SEG_IDLE_YIELD,    /* gives its processor to others, and looks again */
	SEG_IDLE_SPIN,     /* looks again at once, while a CPU is spare (spare_cpus.h); else parks */
} seg_idle;

/* The count of an event. Any thread. */
uint32_t seg_event_ticket(const ck_ec32_t *event);

/* Counts an event up, and wakes the threads that wait on it. Any thread. */
void seg_event_signal(ck_ec32_t *event);

/*
 * Returns when the event was counted up since `ticket`, or at `until` (a time of seg_now(), in ns; SEG_NEVER: no end). Any
 * thread.
 */
void seg_event_wait(ck_ec32_t *event, uint32_t ticket, int64_t until, seg_idle idle);

/* Wakes one thread out of poll(2), for the price of a load while that thread is awake. */
typedef struct seg_waker {
	int fd; /* an eventfd, non-blocking: the thread polls it for POLLIN */
	/* Set by the thread before it looks a last time and sleeps; cleared by the thread that wakes it. */
	_Alignas(64) atomic_uint asleep;
} seg_waker;

int seg_waker_init(seg_waker *waker); /* 0, or SEG_ESYSTEM with errno */
void seg_waker_fini(seg_waker *waker);
void seg_waker_kick(seg_waker *waker);  /* any thread */
void seg_waker_drain(seg_waker *waker); /* the sleeping thread: takes the kicks that came */

#endif
