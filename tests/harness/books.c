#include "harness/books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"

struct test_books books;

void test_books_begin(seg_id position, int64_t entries_read)
{
	seg_handoff_init(&books.handoff, &books.waker, &books.lease, NULL);
	seg_ledger_begin(&books.ledger, position, entries_read);
}

int test_books_set_up(void **state)
{
	(void)state;
	books.limits = (seg_ledger_limits){.batch_size = TEST_BOOKS_BATCH,
					   .in_flight_batches = TEST_BOOKS_BATCHES,
					   .in_flight_bytes = TEST_BOOKS_BYTES};
	books.lease = SEG_NEVER;
	if (seg_waker_init(&books.waker))
		return -1;
	seg_ledger_init(&books.ledger, &books.limits, &books.stock, &books.handoff);
	test_books_begin((seg_id){10, 0}, 100);
	return 0;
}

int test_books_tear_down(void **state)
{
	(void)state;
	seg_ledger_end(&books.ledger);
	seg_ledger_fini(&books.ledger);
	seg_stock_free(&books.stock);
	seg_waker_fini(&books.waker);
	return 0;
}

bool test_books_read(void)
{
	if (!seg_ledger_ready_target(&books.ledger))
		return false;
	seg_ledger_read_begun(&books.ledger, seg_ledger_read_count(&books.ledger));
	return true;
}

void test_books_arrive(uint64_t ms, int length)
{
	static char data[2 * TEST_BOOKS_BYTES];
	char id[32];
	int n = snprintf(id, sizeof(id), "%llu-0", (unsigned long long)ms);
	assert_true(seg_parser_entry(&books.ledger.parser, id, (size_t)n, length < 0 ? -1 : 4));
	if (length < 0)
		return;
	assert_true(seg_parser_text(&books.ledger.parser, "partitionKey", 12));
	assert_true(seg_parser_text(&books.ledger.parser, "", 0));
	assert_true(seg_parser_text(&books.ledger.parser, "data", 4));
	assert_true(seg_parser_text(&books.ledger.parser, data, (size_t)length));
}

void test_books_deliver(uint64_t ms, int count, int length)
{
	assert_true(test_books_read());
	for (int i = 0; i < count; i++)
		test_books_arrive(ms + (uint64_t)i, length);
	assert_int_equal(seg_ledger_deliver(&books.ledger, 7, books.epoch).messages, count);
}

void test_books_handle(uint64_t total, bool give_back)
{
	seg_handoff_handled(&books.handoff, total);
	if (give_back)
		seg_handoff_give_back(&books.handoff, seg_handoff_take(&books.handoff));
}

void test_books_commit(void)
{
	seg_ledger_committed(&books.ledger, books.ledger.handled, books.ledger.handled_count);
}
