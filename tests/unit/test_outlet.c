/* test_outlet.c - lines to pipes and sockets that nobody reads: nothing waits, and what does not fit is refused whole. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/outlet.h"

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

enum { LINE = 100, PIPE_SIZE = 64 * 1024 };

static int ends[2] = {-1, -1}; /* read, write */
static seg_outlet *outlet;

static int tear_down(void **state)
{
	(void)state;
	seg_outlet_destroy(outlet);
	outlet = NULL;
	for (int i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
		ends[i] = -1;
	}
	return 0;
}

static void open_pipe(void)
{
	assert_int_equal(pipe(ends), 0);
	outlet = seg_outlet_create(ends[1]);
	assert_non_null(outlet);
}

/* Line number n, with its line feed: LINE bytes. */
static bool write_line(int n)
{
	char line[LINE + 1];
	snprintf(line, sizeof(line), "%0*d\n", LINE - 1, n);
	return seg_outlet_write(outlet, line, LINE);
}

/* Reads until nothing waits. Returns how many lines came, which are those from 0 on, whole and in order. */
static int read_lines(void)
{
	static char text[PIPE_SIZE * 2 + SEG_OUTLET_BACKLOG];
	size_t length = 0, waiting;
	ssize_t n;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	do {
		waiting = seg_outlet_flush(outlet);
		while ((n = read(ends[0], text + length, sizeof(text) - length)) > 0)
			length += (size_t)n;
	} while (waiting);
	assert_int_equal(length % LINE, 0);
	for (size_t i = 0; i < length / LINE; i++)
		assert_int_equal(strtol(text + i * LINE, NULL, 10), i);
	return (int)(length / LINE);
}

static void lines_that_nobody_reads_are_kept_and_then_refused(void **state)
{
	(void)state;
	int kept = 0;
	open_pipe();
	while (write_line(kept))
		kept++;
	assert_true(kept > (PIPE_SIZE / 2 + SEG_OUTLET_BACKLOG) / LINE);
	assert_false(seg_outlet_write_now(outlet, "last\n", 5));
	assert_int_equal(read_lines(), kept);
	assert_int_equal(seg_outlet_flush(outlet), 0);
	assert_int_equal(seg_outlet_dropped(outlet), 0);
	assert_true(seg_outlet_write_now(outlet, "last\n", 5));
}

static void a_socket_that_nobody_reads_does_not_wait_either(void **state)
{
	(void)state;
	int kept = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &(int){PIPE_SIZE}, sizeof(int));
	outlet = seg_outlet_create(ends[1]);
	while (write_line(kept))
		kept++;
	assert_true(kept > SEG_OUTLET_BACKLOG / LINE);
	assert_int_equal(read_lines(), kept);
}

/* Other processes write to the same pipe, and expect to wait. */
static void the_pipe_stays_blocking_for_others(void **state)
{
	(void)state;
	open_pipe();
	assert_true(write_line(0));
	assert_false(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
}

static void lines_for_a_reader_that_went_away_are_counted(void **state)
{
	(void)state;
	int kept = 0;
	open_pipe();
	while (write_line(kept))
		kept++;
	close(ends[0]);
	ends[0] = -1;
	assert_int_equal(seg_outlet_flush(outlet), 0);
	assert_in_range(seg_outlet_dropped(outlet), SEG_OUTLET_BACKLOG / LINE - 1,
			SEG_OUTLET_BACKLOG / LINE + 1);
	assert_false(write_line(kept));
}

/* --- files ----------------------------------------------------------------------------------------- */

/* As on a disk that is full, and then has room again. */
static void let_files_have(long bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < 0 ? limit.rlim_max : (rlim_t)bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void after_a_line_that_was_written_in_part_the_next_one_begins_on_its_own(void **state)
{
	(void)state;
	char path[] = "/tmp/segrunner-outlet-XXXXXX", text[10 * LINE] = "";
	ends[1] = mkstemp(path);
	assert_true(ends[1] >= 0);
	unlink(path);
	outlet = seg_outlet_create(ends[1]);
	assert_non_null(outlet);
	let_files_have(LINE + LINE / 2);
	assert_true(write_line(0));
	assert_true(write_line(1)); /* the second half is kept */
	assert_int_equal(seg_outlet_flush(outlet), 0);
	assert_int_equal(seg_outlet_dropped(outlet), 1);
	assert_false(write_line(2));
	let_files_have(-1);
	assert_true(write_line(3));
	assert_int_equal(pread(ends[1], text, sizeof(text), 0), 2 * LINE + LINE / 2 + 1);
	assert_int_equal(text[LINE + LINE / 2], '\n');
	assert_int_equal(strtol(text + LINE + LINE / 2 + 1, NULL, 10), 3);
}

static int ignore_broken_pipes(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_that_nobody_reads_are_kept_and_then_refused),
		TEST(a_socket_that_nobody_reads_does_not_wait_either),
		TEST(the_pipe_stays_blocking_for_others),
		TEST(lines_for_a_reader_that_went_away_are_counted),
		TEST(after_a_line_that_was_written_in_part_the_next_one_begins_on_its_own),
	};
	return cmocka_run_group_tests(tests, ignore_broken_pipes, NULL);
}
