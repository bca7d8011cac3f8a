/*
 * wait.h - the one way in which the main thread waits: it hears signals, and looks after the watchdog, all the while.
 *
 * The main thread waits for nothing in any other way, except inside a plugin's init and fini, which handler.h promises
 * to call on the main thread.
 */
#ifndef SEG_HOST_WAIT_H
#define SEG_HOST_WAIT_H

#include "host/errand.h"
#include "host/signals.h"
#include "work/section.h"

typedef struct seg_wait {
	seg_signals signals;
	seg_ending ending; /* a section's request to end the runner */
	seg_logger logger;
	/* Called before each sleep. Returns the longest time, in ms, that the main thread may sleep. */
	int (*look)(void *arg);
	/* Writes which plugins are loaded, for the log. */
	void (*name_plugins)(void *arg, char *text, size_t size);
	void *arg;
	bool left_errand; /* an errand's thread still runs, and may touch what it was given: end with _exit */
} seg_wait;

/* Before any thread is started. 0, or -1 with errno. seg_wait_close in any case. */
int seg_wait_open(seg_wait *wait);
void seg_wait_close(seg_wait *wait);

/* Sleeps up to timeout_ms (0: only looks and hears), or until a signal or a section's request arrives. Returns whether
 * the runner shall end. */
bool seg_wait_ms(seg_wait *wait, int timeout_ms);

/*
 * Waits until the errand's call has returned: true. False where the runner shall end first: the errand is left behind
 * (left_errand), and what its thread may touch must stay as it is until the process ends.
 */
bool seg_wait_errand(seg_wait *wait, seg_errand *errand);

/* The same while the runner is ending: leaves the errand behind only when a second signal asks to stop at once. */
bool seg_wait_last_errand(seg_wait *wait, seg_errand *errand);

/* Leaves the errand behind at once. */
void seg_wait_leave_errand(seg_wait *wait, seg_errand *errand);

#endif
