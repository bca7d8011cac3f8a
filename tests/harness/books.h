/*
 * books.h - the books of a partition (partition/ledger.h), and the three that meet there: Redis, the worker, and who commits. No
 * thread, no Redis. Every function fails the test if something goes wrong.
 */
#ifndef TEST_HARNESS_BOOKS_H
#define TEST_HARNESS_BOOKS_H

#include "partition/ledger.h"

/* batch_size, in_flight_batches and in_flight_bytes. */
enum { TEST_BOOKS_BATCH = 4, TEST_BOOKS_BATCHES = 3, TEST_BOOKS_BYTES = 3000 };

extern struct test_books {
	seg_waker waker;
	atomic_llong lease;
	seg_handoff handoff;
	seg_ledger_limits limits;
	seg_stock stock;
	seg_ledger ledger;
	uint64_t epoch; /* of the batches */
} books;

/* A test's fixtures: an ownership begins at the position 10-0, after 100 entries. */
int test_books_set_up(void **state);
int test_books_tear_down(void **state);

/* A new ownership. */
void test_books_begin(seg_id position, int64_t entries_read);

/* A read begins; false: there is no room for one. */
bool test_books_read(void);

/* An entry of that id arrives in the target, its data so long; -1: it was deleted. */
void test_books_arrive(uint64_t ms, int length);

/* Reads `count` messages of that size whose ids go on from `ms`, and hands them over. */
void test_books_deliver(uint64_t ms, int count, int length);

/* The worker is through with so many messages of the ownership, and gives one batch back. */
void test_books_handle(uint64_t total, bool give_back);

void test_books_commit(void);

#endif
