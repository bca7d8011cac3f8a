/*
 * written.h - a history that a test writes down by hand: a log of 20 messages, an old owner and a new one.
 *
 * Message n has the id 1000-n, and each key is 7. Times are in ms. One thread.
 */
#ifndef CHAOS_WRITTEN_H
#define CHAOS_WRITTEN_H

#include "chaos/checker.h"

enum { MESSAGES = 20, OLD = 100, NEW = 200, OLD_PROCESS = 1, NEW_PROCESS = 2, MS = 1000000 };

extern chaos_history test_history;

/* A test's setup and teardown. All messages are sent; nothing has happened to them yet. */
int test_history_set_up(void **state);
int test_history_tear_down(void **state);

seg_id test_id(uint32_t n);
void test_sent(uint32_t n);
void test_record(chaos_record_kind kind, int process, uint64_t epoch, int64_t ms, uint32_t n);

/* One call for the messages first..last, one ms each, starting at `ms`. */
void test_called(int process, uint64_t epoch, int64_t ms, uint32_t first, uint32_t last);

void test_executed(chaos_audit_kind kind, uint64_t epoch, int64_t ms, seg_id id);

/* killed_ms: 0: it lived to the end. */
void test_process(int number, int64_t killed_ms);
void test_frozen(int number, int64_t from, int64_t to);

/* Message n was deleted after its log had been read up to 9. */
void test_deleted(uint32_t n, int64_t ms);

/* The old owner handles 0 to 9 and commits them. */
void test_old_owner(void);
void test_old_owner_releases(void);

/* The new owner claims at 9 and begins with `first`. */
void test_new_owner(uint32_t first);

chaos_verdict test_judge(void);

#endif
