/*
 * tsan.h - SEG_TSAN: this is a build with ThreadSanitizer. Tells it which order Concurrency Kit's rings guarantee: it does not see the
 * rings' assembler. In other builds the macros do nothing.
 */
#ifndef SEG_BASE_TSAN_H
#define SEG_BASE_TSAN_H

#if defined(__SANITIZE_THREAD__)
#define SEG_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SEG_TSAN 1
#endif
#endif

#ifdef SEG_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define SEG_TSAN_ACQUIRE(address) __tsan_acquire(address)
#define SEG_TSAN_RELEASE(address) __tsan_release(address)
#else
#define SEG_TSAN_ACQUIRE(address) ((void)0)
#define SEG_TSAN_RELEASE(address) ((void)0)
#endif

#endif
