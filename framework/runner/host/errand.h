/*
 * errand.h - a call that may block for long, made by a thread of its own.
 *
 * Redis, the embedded server and the loading of plugins may each take seconds or minutes. The main thread hands such a
 * call to an errand and waits for it with seg_wait_errand, so it hears signals and feeds the watchdog meanwhile.
 */
#ifndef SEG_HOST_ERRAND_H
#define SEG_HOST_ERRAND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct seg_errand {
	void (*call)(void *arg);
	void *arg;
	int fd; /* eventfd: readable once `call` has returned; -1: the system refused a thread, and it has returned */
	pthread_t thread;
	atomic_bool returned;
} seg_errand;

/*
 * Starts call(arg) in a thread of its own. Where the system refuses a thread, the caller's thread makes the call before
 * this returns. Until seg_errand_finish returns true, the errand stays where it is, and `arg` is the thread's alone.
 */
void seg_errand_start(seg_errand *errand, void (*call)(void *arg), void *arg);

/*
 * Whether the call has returned; then its thread has ended, and what it wrote may be read. Never waits. Once it was true, or
 * after seg_errand_leave, do not ask again.
 */
bool seg_errand_finish(seg_errand *errand);

/* Nobody waits for the errand any more: its thread goes on until the call returns, or the process ends. */
void seg_errand_leave(seg_errand *errand);

#endif
