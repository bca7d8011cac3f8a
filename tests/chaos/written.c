#include "chaos/written.h"

#include "chaos/checker.h"

chaos_history test_history;

seg_id test_id(uint32_t n)
{
	return (seg_id){1000, n};
}

void test_sent(uint32_t n)
{
	chaos_append(&test_history.sends, (chaos_send){0, 7, n, true, test_id(n)});
}

void test_record(chaos_record_kind kind, int process, uint64_t epoch, int64_t ms, uint32_t n)
{
	chaos_append(&test_history.records,
		     (chaos_record){kind, process, 0, epoch, ms * MS, test_id(n), 7, n});
}

void test_called(int process, uint64_t epoch, int64_t ms, uint32_t first, uint32_t last)
{
	for (uint32_t n = first; n <= last; n++)
		test_record(CHAOS_MESSAGE, process, epoch, ms + n - first, n);
	test_record(CHAOS_RETURN_DONE, process, epoch, ms + last - first + 1, last);
}

void test_executed(chaos_audit_kind kind, uint64_t epoch, int64_t ms, seg_id id)
{
	chaos_append(&test_history.audits, (chaos_audit){kind, 0, epoch, id, ms * MS});
}

void test_process(int number, int64_t killed_ms)
{
	int64_t end = killed_ms ? killed_ms * MS : CHAOS_NEVER;
	chaos_append(&test_history.processes, (chaos_process){number, end, killed_ms != 0, killed_ms * MS});
}

void test_frozen(int number, int64_t from, int64_t to)
{
	chaos_append(&test_history.freezes, (chaos_freeze){number, from * MS, to * MS});
}

chaos_verdict test_judge(void)
{
	chaos_verdict verdict;
	chaos_check(&test_history, &verdict, NULL);
	return verdict;
}

int test_history_set_up(void **state)
{
	(void)state;
	test_history = (chaos_history){.window = 8};
	for (uint32_t n = 0; n < MESSAGES; n++)
		test_sent(n);
	return 0;
}

int test_history_tear_down(void **state)
{
	(void)state;
	chaos_history_fini(&test_history);
	return 0;
}

void test_old_owner(void)
{
	test_process(OLD_PROCESS, 0);
	test_executed(CHAOS_AUDIT_CLAIM, OLD, 5, (seg_id){0, 0});
	test_record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	test_called(OLD_PROCESS, OLD, 10, 0, 9);
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 30, test_id(9));
}

void test_old_owner_releases(void)
{
	test_record(CHAOS_CLOSE_RELEASED, OLD_PROCESS, OLD, 40, 0);
	test_executed(CHAOS_AUDIT_RELEASE, OLD, 45, test_id(9));
}

void test_new_owner(uint32_t first)
{
	test_process(NEW_PROCESS, 0);
	test_executed(CHAOS_AUDIT_CLAIM, NEW, 50, test_id(9));
	test_record(CHAOS_OPEN, NEW_PROCESS, NEW, 55, 0);
	test_called(NEW_PROCESS, NEW, 60, first, MESSAGES - 1);
	test_executed(CHAOS_AUDIT_COMMIT, NEW, 90, test_id(MESSAGES - 1));
}

void test_deleted(uint32_t n, int64_t ms)
{
	chaos_append(&test_history.deletions, (chaos_deletion){0, 7, n, test_id(n), ms * MS});
}
