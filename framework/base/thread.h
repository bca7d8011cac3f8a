/* thread.h - starts the project's own threads. Any thread may call these. */
#ifndef SEG_BASE_THREAD_H
#define SEG_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

/*
 * Blocks the signals of the calling thread, and so of the threads that it starts: a program's signals are for its own threads. Not those of
 * a fault (SIGSEGV and the like): a callback of the program may run on the new thread, and its handler of crashes must run there, too.
 * *before: for pthread_sigmask(SIG_SETMASK, before, NULL) afterwards.
 */
void seg_thread_block_signals(sigset_t *before);

/* Starts a thread with these signals blocked. name: at most 15 bytes. Returns 0, or pthread_create's errno. */
int seg_thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg);

/*
 * What an error's sentence goes on with after "...: strerror(failure)" where a thread was refused: which limit to raise, or "" if it is
 * none. Static text.
 */
const char *seg_thread_limit_advice(int failure);

#endif
