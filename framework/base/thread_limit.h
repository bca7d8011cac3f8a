/* thread_limit.h - what to do where the system refuses a thread. Any thread. */
#ifndef SEG_BASE_THREAD_LIMIT_H
#define SEG_BASE_THREAD_LIMIT_H

/*
 * What an error's sentence goes on with after "...: strerror(failure)" where pthread_create failed: which limit to raise, or "" if it is
 * none. Static text.
 */
const char *seg_thread_limit_advice(int failure);

#endif
